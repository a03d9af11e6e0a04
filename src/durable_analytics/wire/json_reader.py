"""A JSON reader that reports which part of a body is wrong and reads the other parts.

The fast parser refuses a whole body because of half a surrogate pair, a very long number, a value
that is nested too deeply, `NaN`, or bytes that are not UTF-8. This module reads a body in parts
(the values of its keys, and the items of one list). The time for a part is proportional to its
size.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from durable_analytics.errors import FieldProblem
from durable_analytics.wire.json_reasons import MOST_DIGITS, NOT_FINITE, TOO_MANY_DIGITS
from durable_analytics.wire.json_syntax import syntax_error

DEEPEST = 100
"""Levels of nesting that a message may have, itself included. The JSON parser allows 200, some
providers allow far fewer."""

DEEPEST_INPUT = DEEPEST + 1
"""Levels of nesting that an input may have: its message is one of its values."""

_KEPT_CHARACTERS = 16 * 1024
"""Characters that are kept of an unreadable part, for an operator to read."""

_FEW_BRACKETS = 90
"""A value with so few brackets cannot be nested too deeply."""

_SPACE = re.compile(r"[ \t\n\r]*")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A string, also one without a closing quote, or a bracket."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a body that is wrong.

    Args:
        problem: What is wrong; the path begins inside the part.
        text: The part as it was sent, cut to a maximum length.
        value: The readable rest of the part.
    """

    problem: FieldProblem
    text: str
    value: Any


def read_parts(body: bytes, list_key: str = "") -> Any:
    """Read JSON that the fast parser refuses.

    Args:
        body: The body.
        list_key: The key of the list whose items are separate parts.

    Returns:
        The value; in an object, each wrong part is an `Unreadable`.

    Raises:
        NotJson: The body is not JSON, and the error is not one that this module handles.
    """
    body = _HALF.sub(_replace_half, body)
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError:
        pass
    else:
        if not is_too_deep(value):
            return value
    reader = _Reader(body.decode("utf-8", "surrogateescape"), list_key)
    try:
        return reader.read()
    except ValueError as error:
        raise syntax_error(body, *reader.stopped(error)) from None


_HALF = re.compile(
    rb"(?<!\\)((?:\\\\)*+)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|"
    rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""An escaped surrogate pair or half of one, after any number of escaped backslashes."""


def _replace_half(match: re.Match[bytes]) -> bytes:
    return match[0] if len(match[2]) > len(rb"\ud83d") else match[1] + rb"\ufffd"


def problem_of(value: Any) -> FieldProblem | None:
    """Return why a value cannot be part of a message; None if it can."""
    try:
        _repaired(value)
    except _Wrong as wrong:
        return wrong.problem()
    return None


def deep_problem(value: Any) -> FieldProblem | None:
    """Return the problem of a message that is nested too deeply; None if it is not."""
    return FieldProblem(_deep_step(value), _TOO_DEEP) if is_too_deep(value) else None


def is_too_deep(value: Any) -> bool:
    """Whether a value is nested too deeply; fast enough to check every message."""
    return _has_levels([value], DEEPEST)


def has_many_brackets(content: bytes) -> bool:
    """Whether JSON has so many brackets that it may be nested too deeply."""
    return content.count(b"[") + content.count(b"{") > _FEW_BRACKETS


def _has_levels(values: Iterable[Any], count: int) -> bool:
    """Whether lists and objects are nested more than `count` levels deep."""
    level = [value for value in values if isinstance(value, (dict, list))]
    for _ in range(count):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def _deep_step(value: Any) -> str:
    """The first step to a value that is nested too deeply; the full path would be too long."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    deep = (step for step, child in members if _has_levels([child], DEEPEST - 1))
    return _without_surrogates(str(next(deep, "")))


class _LongNumber:
    """Placeholder for a whole number with too many digits."""


class _Wrong(Exception):
    """A value that no message may contain; its path is collected from the inside out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.steps: list[str | int] = []

    def problem(self) -> FieldProblem:
        """Return the problem, its path from the outside in."""
        return FieldProblem(".".join(str(step) for step in reversed(self.steps)), self.message)


_TOO_DEEP = f"is nested deeper than {DEEPEST} levels"


def _repaired(value: Any, depth: int = 0) -> Any:
    """Return the value with each half of a surrogate pair replaced by U+FFFD.

    Raises:
        _Wrong: The value contains something that no message may contain.
    """
    if isinstance(value, str):
        return _without_surrogates(value)
    if isinstance(value, (dict, list)):
        if depth >= DEEPEST:
            raise _Wrong(_TOO_DEEP)
        if isinstance(value, list):
            return [_at(index, item, depth) for index, item in enumerate(value)]
        return {_without_surrogates(key): _at(key, item, depth) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise _Wrong(NOT_FINITE)
    if isinstance(value, _LongNumber):
        raise _Wrong(TOO_MANY_DIGITS)
    return value


def _at(step: str | int, value: Any, depth: int) -> Any:
    try:
        return _repaired(value, depth + 1)
    except _Wrong as wrong:
        if wrong.message == _TOO_DEEP:
            wrong.steps = []  # the full path would be too long
        wrong.steps.append(_without_surrogates(step) if isinstance(step, str) else step)
        raise


def _without_surrogates(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class _Reader:
    """Reads a JSON text part by part."""

    def __init__(self, text: str, list_key: str) -> None:
        self._text = text
        self._list_key = list_key
        self._at = 0
        self._is_suspicious = False
        self._decoder = json.JSONDecoder(
            parse_int=self._whole_number, parse_constant=self._constant
        )

    def read(self) -> Any:
        """Read the whole text."""
        value = self._object() if self._next() == "{" else self._part()
        if self._next():
            raise ValueError("trailing characters")
        return value

    def stopped(self, error: ValueError) -> tuple[int, str]:
        """Return where and why an error has stopped the reader, without any content."""
        if isinstance(error, json.JSONDecodeError):
            return (error.pos if error.doc is self._text else self._at), "syntax error"
        return self._at, str(error)

    def _object(self) -> dict[str, Any]:
        members = {}
        for _ in self._separated("{", "}"):
            if self._next() != '"':
                raise ValueError("key must be a string")
            key, self._at = self._decoder.raw_decode(self._text, self._at)
            self._expect(":")
            is_list = bool(key) and key == self._list_key and self._next() == "["
            members[_without_surrogates(key)] = self._list() if is_list else self._part()
        return members

    def _list(self) -> list[Any]:
        return [self._part() for _ in self._separated("[", "]")]

    def _separated(self, first: str, last: str) -> Iterator[None]:
        """Yield once before each member between two brackets."""
        self._expect(first)
        if self._next() != last:
            yield
            while self._next() == ",":
                self._at += 1
                yield
        self._expect(last)

    def _next(self) -> str:
        """Return the next character that is not white space; an empty text at the end."""
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise ValueError(f"expected `{character}`")
        self._at += 1

    def _part(self) -> Any:
        self._next()
        start = self._at
        self._is_suspicious = False
        try:
            value, self._at = self._decoder.raw_decode(self._text, start)
        except RecursionError:
            value = self._without_the_deepest(start)
            return self._unreadable(start, FieldProblem("", _TOO_DEEP), value)
        if _NOT_UTF8.search(self._text, start, self._at):
            problem = FieldProblem("", "contains bytes that are not UTF-8")
            return self._unreadable(start, problem, value)
        # This check comes first: an exception that passes through each level takes milliseconds.
        deep = deep_problem(value) if self._has_many_brackets(start) else None
        if deep:
            return self._unreadable(start, deep, value)
        if not self._is_suspicious:
            return value
        try:
            return _repaired(value)
        except _Wrong as wrong:
            return self._unreadable(start, wrong.problem(), value)

    def _has_many_brackets(self, start: int) -> bool:
        brackets = sum(self._text.count(bracket, start, self._at) for bracket in "[{")
        return brackets > _FEW_BRACKETS

    def _unreadable(self, start: int, problem: FieldProblem, value: Any) -> Unreadable:
        end = min(self._at, start + _KEPT_CHARACTERS)
        text = self._text[start:end].encode("utf-8", "replace").decode()
        return Unreadable(problem, text if end == self._at else f"{text}…", value)

    def _without_the_deepest(self, start: int) -> Any:
        """Read a value with null instead of each part that is nested too deeply."""
        depth, kept, pieces = 0, start, []
        for token in _TOKEN.finditer(self._text, start):
            bracket = token.group()
            if bracket in "[{":
                depth += 1
                if depth == DEEPEST + 1:
                    pieces += [self._text[kept : token.start()], "null"]
            elif bracket in "]}":
                if depth == DEEPEST + 1:
                    kept = token.end()
                depth -= 1
                if not depth:
                    self._at = token.end()
                    pieces.append(self._text[kept : self._at])
                    return self._decoder.decode("".join(pieces))
        self._at = len(self._text)
        raise ValueError("a bracket is not closed")

    def _whole_number(self, digits: str) -> Any:
        if len(digits) <= MOST_DIGITS or len(digits.lstrip("-")) <= MOST_DIGITS:
            return int(digits)
        self._is_suspicious = True
        return _LongNumber()

    def _constant(self, name: str) -> float:
        self._is_suspicious = True
        return float(name)
