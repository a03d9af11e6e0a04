"""What is wrong with a body that is not JSON, and where; without anything of its content."""

import json
import re

from pydantic_core import from_json

_PARSER_ERROR = re.compile(r"(.+) at line ([0-9]+) column ([0-9]+)")

_HANDLED = ("number out of range", "recursion limit exceeded", "invalid unicode code point")
"""Errors of the fast parser that the reader of parts handles: what is not JSON comes later."""

_GUESS_BYTES = 64


class NotJson(ValueError):
    """A body is not JSON. The message says why, and contains nothing of the body."""


def syntax_error(body: bytes, position: int, reason: str) -> NotJson:
    """Describe why a body is not JSON.

    Args:
        body: The body.
        position: Where the reader of parts stopped, in characters from 0.
        reason: Why it stopped.
    """
    if encoding := _other_encoding(body):
        return NotJson(f"it must be UTF-8 without a byte-order mark, but {encoding}")
    body = body.rstrip()
    try:
        from_json(body)
    except ValueError as error:
        found = _PARSER_ERROR.fullmatch(str(error))
        if found and found[1] not in _HANDLED:
            line, column_bytes = int(found[2]), int(found[3])
            before = body.split(b"\n", line)[line - 1][:column_bytes].decode(errors="replace")
            return NotJson(f"{found[1]} at {_place(body, line, len(before))}")
    text = body.decode("utf-8", "surrogateescape")[:position]
    line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    return NotJson(f"{reason} at {_place(body, line, column)}")


def _place(body: bytes, line: int, column: int) -> str:
    """Return a place in a body; of a single line, only the column."""
    return f"line {line} column {column}" if b"\n" in body else f"column {column}"


def _other_encoding(body: bytes) -> str | None:
    """Return why a body is not UTF-8 without a byte-order mark; None if it may be."""
    encoding = json.detect_encoding(body)
    if encoding == "utf-8":
        return None
    if encoding == "utf-8-sig":
        return "it begins with one"
    if encoding.endswith(("le", "be")):  # a guess from its NUL bytes
        text = body[:_GUESS_BYTES].decode(encoding, "replace").lstrip()
        if not text.startswith(("{", "[", '"')):
            return None
    return f"it is {encoding[:6].upper()}"
