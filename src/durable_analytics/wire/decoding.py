"""Decoding of raw payloads, the arguments of workflows and activities, into JSON values."""

from typing import Any

from pydantic_core import from_json
from temporalio.common import RawValue

from durable_analytics.errors import ValidationError
from durable_analytics.wire.json_reader import Unreadable, read_parts
from durable_analytics.wire.json_syntax import NotJson
from durable_analytics.wire.limits import INPUT_LIMIT_BYTES


def decode(
    value: Any, name: str = "the input", limit_bytes: int = INPUT_LIMIT_BYTES, list_key: str = ""
) -> Any:
    """Read one argument of a workflow or an activity.

    Args:
        value: The raw payload, or the value that the SDK decoded because it had no type hint.
        name: What the argument is called in errors.
        limit_bytes: The largest payload that is accepted.
        list_key: The key of a list in which an item that is not JSON becomes `Unreadable`.

    Raises:
        ValidationError: The payload is not JSON, or is too large.
    """
    if not isinstance(value, RawValue):
        return value
    encoding = value.payload.metadata.get("encoding", b"")[:40].decode(errors="replace")
    if encoding == "binary/null":
        return None
    if encoding == "binary/zstd":
        reason = (
            f"{name} is compressed ({encoding}) and cannot be decompressed "
            "to a payload of at most 4 MiB"
        )
        raise ValidationError.at("", reason)
    if encoding != "json/plain":
        raise ValidationError.at(
            "", f"{name} must be JSON (json/plain), not a payload with encoding {encoding!r}"
        )
    check_size(name, len(value.payload.data), limit_bytes)
    return decode_json(value.payload.data, name, list_key)


def decode_readable(value: Any) -> Any:
    """Read as much as possible of an argument of any size, also of one that `decode` refuses.

    Args:
        value: The raw payload, or the value that the SDK decoded because it had no type hint.

    Returns:
        The value; in an object, each wrong part is an `Unreadable`. None if it is not JSON.
    """
    if not isinstance(value, RawValue):
        return value
    try:
        return read_parts(value.payload.data)
    except ValueError:
        return None


def decode_json(data: bytes, name: str = "the input", list_key: str = "") -> Any:
    """Parse JSON that came from outside.

    Args:
        data: JSON in UTF-8.
        name: What it is called in errors.
        list_key: The key of a list in which an item that is not JSON becomes `Unreadable`.

    Raises:
        ValidationError: It is not JSON; the error names the part that is wrong.
    """
    try:
        return from_json(data, cache_strings="keys")
    except ValueError:
        return _decode_parts(data, name, list_key)


def _decode_parts(data: bytes, name: str, list_key: str) -> Any:
    """Read JSON that the fast parser refuses, to name the wrong part in the error.

    Half of a surrogate pair, which JavaScript creates when it cuts a text, becomes U+FFFD.
    """
    if not data.strip():
        raise ValidationError.at("", f"{name} is empty: it must be one JSON object")
    try:
        parts = read_parts(data, list_key)
    except NotJson as error:
        raise ValidationError.at("", f"{name} is not valid JSON: {error}") from None
    if isinstance(parts, Unreadable):
        raise ValidationError.at("", f"{name} {parts.problem.message}")
    if isinstance(parts, dict):
        wrong = {key: part for key, part in parts.items() if isinstance(part, Unreadable)}
        if wrong:
            raise ValidationError.of(part.problem.below(key) for key, part in wrong.items())
    return parts


def check_size(name: str, size: int, limit: int) -> None:
    """Refuse an input that is too large to pass on, or whose output Temporal would refuse.

    Args:
        name: The name of the input in the error.
        size: The size of the input in bytes.
        limit: The largest size in bytes.

    Raises:
        ValidationError: The input is too large.
    """
    if size > limit:
        reason = (
            f"{name} has {size} bytes as ASCII JSON; the limit is {limit} bytes: send less data"
        )
        raise ValidationError.at("", reason)
