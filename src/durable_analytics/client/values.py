"""Conversion of Python values to JSON values, with a path for every problem."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from numbers import Integral, Real
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.wire.json_reader import DEEPEST
from durable_analytics.wire.json_reasons import (
    KEY_NOT_TEXT,
    KEY_NOT_UNICODE,
    MOST_DIGITS,
    NOT_FINITE,
    NOT_UNICODE,
    TOO_MANY_DIGITS,
    wrong_type,
)
from durable_analytics.wire.limits import INPUT_LIMIT_BYTES
from durable_analytics.wire.messages import Context, JsonObject
from durable_analytics.wire.methods import METHODS

_VALUE_BYTES = 2
"""The least size of a value in JSON, with its comma."""

_TOO_LARGE = 10**MOST_DIGITS
"""The worker's JSON parser accepts fewer digits, as Python does."""

_MINUTE = timedelta(minutes=1)

_Path = list[str | int]


def to_json_values(value: Any, path: str = "", levels: int = DEEPEST) -> Any:
    """Return a copy that contains only dict, list, str, int, float, bool and None.

    >>> to_json_values({"at": datetime(2026, 1, 31, 9, 30), 7: (Decimal("19.90"), {"b", "a"})})
    {'at': '2026-01-31T09:30:00+00:00', '7': [19.9, ['a', 'b']]}

    - `datetime` and `date`: ISO 8601; a `datetime` without an offset is UTC, and one whose offset
      is not in whole minutes is converted to UTC.
    - `Decimal`: an int if it is a whole number, otherwise a float. `UUID`: its text. `Enum`: its
      value.
    - `set`, `frozenset`: a list, sorted if the items can be compared. `tuple`, `deque`: a list.
    - Subclasses of `str`, `int`, `float`, and all mappings: the builtin type.
    - Keys that are whole numbers, `UUID` or `Enum`: text.

    Args:
        value: Any value.
        path: The beginning of the paths of problems.
        levels: How many levels of nesting it may have, itself included.

    Raises:
        ValidationError: The value contains another type, NaN, an infinity, a lone surrogate,
            itself, or more levels or values than an input may have. The error contains no values.
    """
    converter = _Converter(path, levels)
    converted = converter.convert(value)
    if converter.problems:
        raise ValidationError.of(converter.problems, more=converter.unlisted)
    return converted


def ids_as_text(fields: JsonObject) -> JsonObject:
    """Write ids that are whole numbers as text, as SDKs do: a user's `42` is `"42"`.

    Args:
        fields: The fields of a message or a context, in JSON and snake_case; changed in place.
    """
    for name in _ID_KEYS.intersection(fields):
        fields[name] = _id_as_text(fields[name])
    user = fields.get("user")
    if isinstance(user, dict) and "id" in user:
        user["id"] = _id_as_text(user["id"])
    return fields


def _id_as_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_id_as_text(item) for item in value]
    return str(value) if type(value) is int else value


_MODELS: tuple[type[BaseModel], ...] = (Context, *(m.message for m in METHODS.values()))
_ID_KEYS = frozenset(
    name for model in _MODELS for name in model.model_fields if name.endswith("_id")
)


class _NotJson(Exception):
    """A value cannot be represented in JSON; the text is the problem."""


class _Converter:
    def __init__(self, path: str, levels: int) -> None:
        self._levels = levels
        self.problems: list[FieldProblem] = []
        self.unlisted = 0
        self._path: _Path = [path] if path else []
        self._parents: set[int] = set()
        self._bytes_left = INPUT_LIMIT_BYTES

    def convert(self, value: Any) -> Any:
        """Return the value in JSON. If it cannot be represented, note a problem and return None."""
        self._count(_VALUE_BYTES)
        try:
            simpler = self._simplify(value)
        except _NotJson as problem:
            return self._note(str(problem))
        if isinstance(simpler, (dict, list, tuple)):
            return self._container(value, simpler)
        return simpler

    def _simplify(self, value: Any) -> Any:
        """Return a scalar as a JSON value, and a container as a dict, a list or a tuple."""
        kind = type(value)
        if value is None or kind is bool or kind is dict or kind is list or kind is tuple:
            return value
        if kind is str:
            return self._text(value)
        if kind is int:
            return _whole_number(value)
        if kind is float:
            return _finite(value)
        if isinstance(value, timedelta) and self._path[:1] == ["policies"]:
            return value.total_seconds()
        return self._simplify(_convert(value))

    def _container(self, original: Any, simpler: Any) -> Any:
        identity = id(original)
        if identity in self._parents:
            return self._note("contains itself")
        if len(self._parents) >= self._levels:
            del self._path[2:]  # the full path would be too long
            raise ValidationError.at(self._dotted(), f"is nested deeper than {DEEPEST} levels")
        self._parents.add(identity)
        if isinstance(simpler, dict):
            converted: Any = self._object(simpler)
        else:
            converted = self._list(simpler)
        self._parents.remove(identity)
        return converted

    def _list(self, items: Iterable[Any]) -> list[Any]:
        converted = []
        for index, item in enumerate(items):
            self._path.append(index)
            converted.append(self.convert(item))
            self._path.pop()
        return converted

    def _object(self, items: Mapping[Any, Any]) -> dict[str, Any]:
        converted: dict[str, Any] = {}
        for key, item in items.items():
            try:
                name = self._text(key if type(key) is str else _key(key))
            except _NotJson:
                self._note(KEY_NOT_UNICODE if isinstance(key, str) else KEY_NOT_TEXT)
                continue
            if name in converted:
                self._note("has two keys that are equal as text")
            self._path.append(name)
            converted[name] = self.convert(item)
            self._path.pop()
        return converted

    def _text(self, text: str) -> str:
        self._count(len(text))
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:  # a lone surrogate
                raise _NotJson(NOT_UNICODE) from None
        return text

    def _count(self, least_bytes: int) -> None:
        # A list can contain the same list many times, so that its JSON would be very large.
        self._bytes_left -= least_bytes
        if self._bytes_left < 0:
            del self._path[1:]
            reason = f"is too large: an input has at most {INPUT_LIMIT_BYTES} bytes; send less data"
            raise ValidationError.at(self._dotted(), reason)

    def _note(self, problem: str) -> None:
        if len(self.problems) < ValidationError.MOST_FIELDS:
            self.problems.append(FieldProblem(self._dotted(), problem))
        else:
            self.unlisted += 1

    def _dotted(self) -> str:
        return ".".join(map(str, self._path))


def _convert(value: Any) -> Any:
    """Apply the first conversion that fits the type of a value."""
    for kinds, conversion in _CONVERSIONS:
        if isinstance(value, kinds):
            try:
                return conversion(value)
            except _NotJson:
                raise
            except Exception as error:  # the value's own code
                failed = f"is a {type(value).__name__} that cannot be read: {type(error).__name__}"
                raise _NotJson(failed) from error
    raise _NotJson(wrong_type(value))


def _key(key: Any) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bool) or not isinstance(key, (Integral, UUID)):
        raise _NotJson
    return str(key if isinstance(key, UUID) else _whole_number(int(key)))


def _whole_number(number: int) -> int:
    if abs(number) >= _TOO_LARGE:
        raise _NotJson(TOO_MANY_DIGITS)
    return number


def _finite(number: float) -> float:
    if not isfinite(number):
        raise _NotJson(NOT_FINITE)
    return number


def _decimal(number: Decimal) -> int | float:
    if not number.is_finite():
        return _finite(float("nan"))
    if number.adjusted() >= MOST_DIGITS:  # `int` could take very long
        return _whole_number(_TOO_LARGE)
    whole = int(number)
    return whole if whole == number else _finite(float(number))


def _datetime(when: datetime) -> str:
    if when != when:  # noqa: PLR0124  # pandas.NaT is a datetime
        raise _NotJson("is not a time: send a time or text")
    offset = when.utcoffset()
    if offset is None:
        when = when.replace(tzinfo=UTC)
    elif offset % _MINUTE:  # as time zones had before 1900; providers do not read such an offset
        try:
            when = when.astimezone(UTC)
        except OverflowError:
            raise _NotJson("is a time outside the years 1 to 9999 in UTC") from None
    return when.isoformat()


def _sorted(items: AbstractSet[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return list(items)


_CONVERSIONS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Enum, lambda member: member.value),
    (str, str.__str__),
    (Integral, int),
    (Decimal, _decimal),
    (Real, float),
    (datetime, _datetime),
    (date, date.isoformat),
    (UUID, str),
    (Mapping, lambda mapping: dict(mapping.items())),
    ((list, tuple, deque), list),
    (AbstractSet, _sorted),
)
"""The first that fits applies: an `IntEnum` is also an `int`, and a `datetime` a `date`."""
