"""Requests that the stand-in receives, with their parsed bodies, and the messages in them."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from durable_analytics.wire.messages import JsonObject

_GZIP_MAGIC = b"\x1f\x8b"


class ReceivedMessage(NamedTuple):
    """One message in a request."""

    id: str | None
    """The id by which the vendor recognises a repeated message; None if there is no id."""

    content: Any
    """The message as the vendor received it: a JSON value, or text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request that a vendor receives."""

    method: str
    path: str
    """The path below the base URL of the integration, still encoded: "a%2Fb" is one segment."""

    target: str
    """The complete path and query as they were sent, for signatures that cover the URL."""

    query: JsonObject
    """The query parameters: a value by name, or a list of values if the name was repeated."""

    headers: Mapping[str, str]
    """The headers, with names in lower case."""

    content: bytes
    """The body as it was sent, without its Content-Encoding; signatures cover these bytes."""

    body: Any
    """The parsed body: the result of `parse_body`."""

    seen: set[str] = field(default_factory=set)
    """A set for the vendor, which is kept between requests; for example for idempotency keys."""

    def basic(self) -> tuple[str, str] | None:
        """Return the user name and password of Basic authentication; None if there is none."""
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return None
        return user, password


def parse_body(content: bytes, content_type: str = "") -> Any:
    """Parse a body.

    Args:
        content: The bytes. If they are a gzip file, its content is parsed.
        content_type: The value of the header `Content-Type`.

    Returns:
        The JSON value, even if the content type is not JSON; a list of the lines of
        `application/x-ndjson`; the fields of a form, in the same format as `Received.query`; None
        for an empty body; otherwise the text.
    """
    text = _unzipped(content).decode(errors="replace")
    if not text:
        return None
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/x-ndjson":
            return [json.loads(line) for line in text.splitlines() if line]
        return json.loads(text)
    except (ValueError, RecursionError):
        is_form = kind == "application/x-www-form-urlencoded"
        return fields_of(parse_qsl(text, keep_blank_values=True)) if is_form else text


def fields_of(pairs: Iterable[tuple[str, str]]) -> JsonObject:
    """Return a value for each name, or a list of values for a repeated name."""
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in lists.items()}


def _unzipped(content: bytes) -> bytes:
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return content
