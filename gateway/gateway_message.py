"""A message in the form in which it goes into the input of a `Batch` execution."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from pydantic_core import to_json

from durable_analytics.errors import FieldProblem, ValidationError

EXCERPT_BYTES = 16 * 1024
"""How much of a rejected message is kept for an operator to read."""


@dataclass(frozen=True, slots=True)
class GatewayMessage:
    """A message that is ready for the input of an execution.

    Args:
        content: The message as JSON.
        message_id: Its message id.
        digest: A hash of its id, type and content without the parts that differ between retries:
            equal digests mean the same message, sent again. None if it came without an id.
    """

    content: bytes
    message_id: str
    digest: bytes | None = None

    def refused(self, reason: str) -> "GatewayMessage":
        """Return a placeholder for this message, which the worker rejects for this reason."""
        problem = FieldProblem("", reason)
        return make_placeholder(problem, excerpt(self.content), self.message_id, self.digest)


def make_placeholder(
    problem: FieldProblem, message: Any, message_id: str, digest: bytes | None
) -> GatewayMessage:
    """Return a message that the worker rejects because it has no type.

    Args:
        problem: The reason, for an operator to read.
        message: The rejected message, or an excerpt of it.
        message_id: The id of the rejected message.
        digest: The digest of the rejected message.
    """
    error = ValidationError.of([problem])
    fields = {"path": error.fields[0].path, "refused": error.message, "message": message}
    return GatewayMessage(to_json({"messageId": message_id, **fields}), message_id, digest)


def excerpt(content: bytes) -> str:
    """The text of a rejected message, up to the size that is kept."""
    text = content[:EXCERPT_BYTES].decode(errors="replace")
    return text if len(content) <= EXCERPT_BYTES else f"{text}…"


def hash_parts(*parts: bytes) -> bytes:
    """Hash several values, each with its length, so that their boundaries count."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()
