"""Customer.io's formats of ids, times and attributes, and their limits."""

import hashlib
import math
import re
from datetime import UTC, datetime
from typing import Any

from durable_analytics.errors import ValidationError
from durable_analytics.wire.messages import JsonObject, Message

_ID_LIMIT_BYTES = 150
_ATTRIBUTE_NAME_LIMIT_BYTES = 150
_ATTRIBUTE_VALUE_LIMIT_BYTES = 1000
_MOST_ATTRIBUTES = 300
"""Attributes of a person or an object (Track API limits)."""

EVENT_NAME_LIMIT_BYTES = 100

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@([a-z0-9-]+\.)+[a-z0-9-]+", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
"""The texts in attributes that are converted to Unix times: dates and times in ISO 8601."""

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)
_ULID_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def person_identifiers(path: str, id_: str) -> JsonObject:
    """Return the identifier of a person: Customer.io's id, an email address, or another id.

    Args:
        path: The path of the id in the input, like "track.user_id".
        id_: The id.

    Raises:
        ValidationError: The id is too long.
    """
    check_size(path, id_)
    if id_.startswith("cio_"):
        return {"cio_id": id_.removeprefix("cio_")}
    return {"email" if _EMAIL.fullmatch(id_) else "id": id_}


def check_size(path: str, text: str, limit: int = _ID_LIMIT_BYTES) -> None:
    """Check an id or a name.

    Raises:
        ValidationError: It has more bytes than the limit.
    """
    if len(text.encode(errors="replace")) > limit:
        raise ValidationError.at(path, f"must have at most {limit} bytes at Customer.io")


def attribute_problem(index: int, name: str, value: Any) -> str | None:
    """Return why Customer.io would drop an attribute; None if it would keep it.

    Args:
        index: The position of the attribute among all attributes, from 0.
        name: The name of the attribute.
        value: The value of the attribute.
    """
    if index >= _MOST_ATTRIBUTES:
        return f"is one too many: Customer.io accepts {_MOST_ATTRIBUTES} attributes"
    if len(name.encode(errors="replace")) > _ATTRIBUTE_NAME_LIMIT_BYTES:
        return f"must have a name of at most {_ATTRIBUTE_NAME_LIMIT_BYTES} bytes at Customer.io"
    if (
        isinstance(value, str)
        and len(value.encode(errors="replace")) > _ATTRIBUTE_VALUE_LIMIT_BYTES
    ):
        return f"must have at most {_ATTRIBUTE_VALUE_LIMIT_BYTES} bytes at Customer.io"
    return None


def timestamp_field(message: Message) -> JsonObject:
    """Return the field with the time of a message; an empty object if the message has no time."""
    return {"timestamp": _unix_seconds(message.timestamp)} if message.timestamp else {}


def _unix_seconds(text: str) -> int:
    time = datetime.fromisoformat(text)
    return math.floor((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def convert_times(value: JsonObject) -> JsonObject:
    """Convert ISO 8601 times in attributes to Unix seconds, which Customer.io can compare."""
    return {key: _convert_time(item) for key, item in value.items()}


def _convert_time(value: Any) -> Any:
    if isinstance(value, dict):
        return convert_times(value)
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return _unix_seconds(value)
        except (ValueError, OverflowError):
            return value
    return value


def ulid(message_id: str) -> str:
    """Return the message id as a ULID, by which Customer.io drops repeated events.

    An id that is not a ULID is hashed: the same id always gives the same ULID.
    """
    if _ULID.fullmatch(message_id):
        return message_id
    number = int.from_bytes(hashlib.sha256(message_id.encode(errors="replace")).digest()[:16])
    return "".join(_ULID_DIGITS[number >> 5 * digit & 31] for digit in range(25, -1, -1))
