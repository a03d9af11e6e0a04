"""From the columns of a row to the fields of a message."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic_core import from_json

from durable_analytics.errors import ValidationError
from durable_analytics.file_import.rows import Row
from durable_analytics.wire.json_reader import Unreadable, read_parts
from durable_analytics.wire.json_syntax import NotJson
from durable_analytics.wire.keys import snake_case
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS, Method

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
"""Text that is a number. Longer ones, and those with a leading zero, are ids and codes."""

_SWITCHES = {"true": True, "false": False}

_TEXT_OBJECTS = ("attributes.", "headers.", "user.attributes.")
"""The objects whose values are texts."""


class Columns:
    """Where the columns of a file belong in a message.

    A column's name is the path of its field, like `properties.plan`, unless it is mapped.

    Args:
        paths: The path by column; an empty path leaves the column out.
        texts: The columns of a CSV file whose values stay text.
        method: The method of rows without a `type`.
    """

    def __init__(
        self, paths: Mapping[str, str], texts: Collection[str], method: str | None
    ) -> None:
        self._paths = paths
        self._texts = frozenset(texts)
        self._method = method

    def message(self, row: Row) -> tuple[Method, JsonObject]:
        """Return the method of a row, and its fields in snake_case.

        Raises:
            ValidationError: The row has no known `type`, or two columns for one field.
        """
        fields: JsonObject = {}
        for column, value in row.values.items():
            if path := self._paths.get(column, column):
                is_text = row.is_text and column not in self._texts
                _put(fields, path, _from_text(path, value) if is_text else value)
        name = fields.pop("type", self._method)
        method = METHODS.get(name) if isinstance(name, str) else None
        if method is None:
            known = ", ".join(METHODS)
            reason = "is required: add a column, or --method" if name is None else "is not known"
            raise ValidationError.at("type", f"{reason}; the types are {known}")
        return method, snake_case(fields, method.message, "")


def _put(fields: JsonObject, path: str, value: Any) -> None:
    *parents, name = path.split(".")
    for step in parents:
        fields = fields.setdefault(step, {})
        if not isinstance(fields, dict):
            raise ValidationError.at(path, "is below a column that has a value of its own")
    current = fields.get(name)
    if isinstance(current, dict) and isinstance(value, dict) and current.keys().isdisjoint(value):
        current.update(value)
    elif name in fields:
        raise ValidationError.at(path, "is set by two columns")
    else:
        fields[name] = value


def _from_text(path: str, text: str) -> Any:
    """Read a cell: a number, true, false or JSON where a field may have it; else it is text."""
    if path.startswith(_TEXT_OBJECTS):
        return text
    if ("." in path or path == "value") and (text in _SWITCHES or _NUMBER.fullmatch(text)):
        return _SWITCHES[text] if text in _SWITCHES else from_json(text)
    return _from_json(path, text) if text.startswith(("{", "[")) else text


def _from_json(path: str, text: str) -> Any:
    """Read a cell that begins as a list or an object does; it is text if it is not JSON.

    Raises:
        ValidationError: It is JSON with a value that no message may have.
    """
    try:
        parts = read_parts(text.encode())
    except NotJson:
        return text
    paths = (
        {f"{path}.{key}": part for key, part in parts.items()}
        if isinstance(parts, dict)
        else {path: parts}
    )
    problems = [
        part.problem.below(at) for at, part in paths.items() if isinstance(part, Unreadable)
    ]
    if problems:
        raise ValidationError.of(problems)
    return parts
