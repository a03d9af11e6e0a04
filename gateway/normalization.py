"""Normalization of a single message: its keys, message id, timestamp and digest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from pydantic.alias_generators import to_snake
from pydantic_core import to_json

from durable_analytics.errors import FieldProblem
from durable_analytics.wire.field_types import is_empty, is_message_id, is_number
from durable_analytics.wire.json_reader import deep_problem, has_many_brackets, problem_of
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.timestamps import is_missing_time
from gateway.clock_skew import correct_timestamp
from gateway.gateway_message import (
    EXCERPT_BYTES,
    GatewayMessage,
    excerpt,
    hash_parts,
    make_placeholder,
)

_REQUEST_KEYS = ("writeKey", "write_key", "sentAt")
"""Keys that describe the request, not the message; the worker sends its own."""

_RETRY_KEYS = ("_metadata",)
"""Keys that differ between retries, because browser SDKs count their attempts in them."""

_ALIAS_KEYS = {
    "previousId": "previousUserId",
    "previous_id": "previousUserId",
    "userId": "newUserId",
    "user_id": "newUserId",
}
"""Segment's keys of an alias, and those of the contract."""

_SPELLINGS = tuple(
    (name, to_snake(name))
    for name in ("messageId", "userId", "anonymousId", "groupId", "previousId", "companyId")
)
"""The keys of each value: Segment's, then the one that the contract accepts and Segment does not.
The first that is set is used, and the others are dropped, as at Segment."""

_ALIAS_SPELLINGS = (
    *(keys for keys in _SPELLINGS if keys[0] not in _ALIAS_KEYS),
    ("previousId", "previous_id", "previousUserId", "previous_user_id"),
    ("userId", "user_id", "newUserId", "new_user_id"),
)
"""The same for an alias, whose ids have keys of their own in the contract."""

_ALTERNATE_KEYS = frozenset(key for keys in _ALIAS_SPELLINGS for key in keys[1:])

_ID_NAMESPACE = UUID("f4f7b0a4-0c6e-5d36-8a0b-9d5f1c6a7e21")
"""The UUIDv5 namespace of the ids that replace invalid message ids."""


@dataclass(frozen=True, slots=True)
class NormalizedMessage:
    """A message without the keys of its request, and with a valid message id.

    Args:
        fields: The message.
        content: The same as JSON.
        digest: See `GatewayMessage`.
    """

    fields: JsonObject
    content: bytes
    digest: bytes | None

    @classmethod
    def parse(cls, message: JsonObject, context_json: bytes = b"") -> "NormalizedMessage":
        """Normalize a message.

        Args:
            message: The message as it arrived.
            context_json: The context that it shares with other messages, as JSON.
        """
        fields = {key: value for key, value in message.items() if key not in _REQUEST_KEYS}
        fields = _with_one_spelling(fields)
        raw_id = raw_message_id(message)
        fields["messageId"] = _valid_message_id(raw_id)
        fields.pop("message_id", None)
        content = same_in_retries = to_json(fields)
        if not fields.keys().isdisjoint(_RETRY_KEYS):
            same_in_retries = to_json({k: v for k, v in fields.items() if k not in _RETRY_KEYS})
        digest = hash_parts(same_in_retries, context_json) if _is_set(raw_id) else None
        return cls(fields, content, digest)

    def translate(
        self, sent_at: Any, received_at: datetime, ip: str | None = None
    ) -> GatewayMessage:
        """Return the message with the contract's keys and a corrected timestamp.

        Args:
            sent_at: When it was sent, by the sender's clock.
            received_at: When it was received, by this machine's clock.
            ip: The client's address, which is added to the context.
        """
        message = self.fields
        timestamp = message.get("timestamp")
        if is_missing_time(timestamp):
            timestamp = message.get("originalTimestamp")
        if timestamp is not None:
            timestamp = correct_timestamp(timestamp, sent_at, received_at)
            if timestamp != message.get("timestamp"):
                message = {**message, "timestamp": timestamp}
        if message.get("type") == "alias":
            message = {_ALIAS_KEYS.get(key, key): value for key, value in message.items()}
        if ip:
            message = {**message, "context": add_ip(message.get("context"), ip)}
        content = self.content if message is self.fields else to_json(message)
        return GatewayMessage(content, self.fields["messageId"], self.digest)

    def reject(self, problem: FieldProblem, *, is_valid_json: bool = False) -> GatewayMessage:
        """Return a placeholder, which the worker rejects for this reason.

        Args:
            problem: The reason.
            is_valid_json: Whether the placeholder may hold the message as an object, not as text.
        """
        keeps_object = is_valid_json and len(self.content) <= EXCERPT_BYTES
        message = self.fields if keeps_object else excerpt(self.content)
        return make_placeholder(problem, message, self.fields["messageId"], self.digest)


def raw_message_id(message: JsonObject) -> Any:
    """The id with which a message came, in either spelling."""
    own = message.get("messageId")
    return message.get("message_id") if own is None else own


def add_ip(context: Any, ip: str) -> Any:
    """Add the client's address to a context that has none."""
    if is_empty(context):
        return {"ip": ip}
    return {"ip": ip, **context} if isinstance(context, dict) else context


def json_problem(value: Any, content: bytes) -> FieldProblem | None:
    """The reason why a value, whose JSON is `content`, cannot be stored; None if it can."""
    if b"Infinity" in content or b"NaN" in content:
        return problem_of(value)
    return deep_problem(value) if has_many_brackets(content) else None


def _is_set(raw_id: Any) -> bool:
    """Whether an id came with a message: a blank or empty one identifies nothing."""
    return is_number(raw_id) or bool(raw_id.strip() if isinstance(raw_id, str) else raw_id)


def _valid_message_id(raw_id: Any) -> str:
    """The raw id if it is valid, else an id that is derived from it, else a random id."""
    if not _is_set(raw_id):
        return str(uuid4())
    text = str(raw_id) if is_number(raw_id) else raw_id
    if is_message_id(text):
        return text
    return str(uuid5(_ID_NAMESPACE, text if isinstance(text, str) else to_json(text).decode()))


def _with_one_spelling(message: JsonObject) -> JsonObject:
    """Keep one spelling of each key that a message has in several; null is "not set"."""
    if _ALTERNATE_KEYS.isdisjoint(message):
        return message
    dropped: set[str] = set()
    for keys in _ALIAS_SPELLINGS if message.get("type") == "alias" else _SPELLINGS:
        found = [key for key in keys if key in message]
        found.sort(key=lambda key: message[key] is None)
        dropped.update(found[1:])
    return {key: value for key, value in message.items() if key not in dropped}
