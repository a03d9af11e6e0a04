"""The JSON writer: compact, in UTF-8, without NaN and infinities."""

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.wire._json_checks import not_json


class PureJson(dict[str, Any]):
    """An object with only JSON values, which the data converter writes in less time."""

    def write(self) -> bytes:
        """Return it as JSON: in UTF-8, or in ASCII if it has half of a surrogate pair."""
        try:
            return to_json(self)
        except (PydanticSerializationError, RecursionError):  # or nested deeper than it writes
            return json.dumps(self, separators=(",", ":")).encode()


def write_json(value: Any, path: str = "") -> bytes:
    """Write a value as JSON.

    Args:
        value: A JSON value.
        path: The path of the value in the input, for errors.

    Raises:
        ValidationError: The value contains something that JSON cannot represent; the error has the
            path of each.
    """
    try:
        content = to_json(value)
    except (PydanticSerializationError, RecursionError):
        problems = list(not_json(value)) or [FieldProblem("", "cannot be written as JSON")]
    else:
        if not may_hold_nan(content):
            return content
        problems = list(not_json(value))
        if not problems:
            return content
    raise ValidationError.of(problem.below(path) if path else problem for problem in problems)


_N, _I = b"NI"


def may_hold_nan(content: bytes) -> bool:
    """Whether JSON of `to_json` has NaN or infinities, by their names; a text may have them too."""
    # The search for a single byte is several times as fast.
    return (_N in content and b"NaN" in content) or (_I in content and b"Infinity" in content)


def ascii_size(content: bytes) -> int:
    r"""Return the size of JSON in bytes if non-ASCII characters are written as `\uXXXX`.

    Temporal's SDKs write payloads this way.

    >>> ascii_size('"é😀"'.encode())
    20
    """
    if content.isascii():
        return len(content)
    text = content.decode()
    ascii_characters = len(text.encode("ascii", "ignore"))
    escapes = len(text.encode("utf-16-le")) // 2 - ascii_characters
    return ascii_characters + 6 * escapes
