"""A search for the values in a Python object that JSON cannot represent."""

import math
from collections.abc import Iterator
from typing import Any

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.wire.json_reader import DEEPEST
from durable_analytics.wire.json_reasons import (
    KEY_NOT_TEXT,
    KEY_NOT_UNICODE,
    NOT_FINITE,
    NOT_UNICODE,
    wrong_type,
)
from durable_analytics.wire.problems import join


def not_json(value: Any, *steps: str | int) -> Iterator[FieldProblem]:
    """Find what JSON cannot represent: NaN, infinities, other types, keys that are not text.

    Args:
        value: The value to check.
        steps: The path of the value, from the outside in.
    """
    if len(steps) > DEEPEST:
        yield FieldProblem(_path(steps[:1]), f"is nested deeper than {DEEPEST} levels")
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str) and _is_unicode(key):
                yield from not_json(item, *steps, key)
            else:
                reason = KEY_NOT_UNICODE if isinstance(key, str) else KEY_NOT_TEXT
                yield FieldProblem(_path(steps), reason)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from not_json(item, *steps, index)
    elif isinstance(value, str):
        if not _is_unicode(value):
            yield FieldProblem(_path(steps), NOT_UNICODE)
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield FieldProblem(_path(steps), NOT_FINITE)
    elif value is not None and not isinstance(value, (bool, int)):
        yield FieldProblem(_path(steps), wrong_type(value))


def _path(steps: tuple[str | int, ...]) -> str:
    """Join the steps with dots; stop at the length that an error shows."""
    path = ""
    for step in steps:
        path = join(path, step[: ValidationError.LONGEST_TEXT] if isinstance(step, str) else step)
        if len(path) > ValidationError.LONGEST_TEXT:
            break
    return path


def _is_unicode(text: str) -> bool:
    """Whether a text can be encoded: Python allows lone surrogates, and UTF-8 does not."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
