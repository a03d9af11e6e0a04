"""Inputs with `"strict": false`: values from SDKs are converted where the conversion is certain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pydantic
from pydantic import BaseModel

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.wire.field_types import is_number
from durable_analytics.wire.messages import JsonObject, Message
from durable_analytics.wire.problems import models_in, problems_of
from durable_analytics.wire.timestamps import to_timestamp


@dataclass(frozen=True, slots=True)
class Lenient:
    """The fields of a message that its model does not check."""

    unchecked: JsonObject = field(default_factory=dict)
    """The fields whose key is unknown or whose value is wrong."""

    problems: Mapping[str, FieldProblem] = field(default_factory=dict)
    """The problems of the fields with a known key, by the name of the field."""


NOTHING = Lenient()
"""The value for a strict input."""


def split_known(model: type[Message], message: JsonObject) -> tuple[JsonObject, Lenient]:
    """Split a message into the fields that its model accepts and all other fields.

    Numbers become text if the model requires text, because SDKs send ids as numbers. `[]`, which
    PHP writes for an empty object, becomes an object. Times in any format that Segment reads become
    ISO 8601.

    Raises:
        ValidationError: The remaining fields are not a valid message; paths begin inside the
            message.
    """
    coercions = _coercions(model)
    known = {key: coercions[key](value) for key, value in message.items() if key in coercions}
    unchecked = {key: value for key, value in message.items() if key not in coercions}
    for name, nested in models_in(model):
        unchecked |= _take_unknown(known, name, nested)
    problems: dict[str, FieldProblem] = {}
    for error in _errors(model, known):
        name = error.path.partition(".")[0]
        if name in known:
            problems.setdefault(name, error)
    valid = {key: value for key, value in known.items() if key not in problems}
    if problems and (errors := _errors(model, valid)):
        # A field with a wrong value is not missing, though it was removed before this check.
        missing = [e for e in errors if e.path.partition(".")[0] not in problems]
        raise ValidationError.of([*problems.values(), *missing])
    unchecked |= {key: message[key] for key in problems}
    return valid, Lenient(unchecked, problems)


def _take_unknown(message: JsonObject, name: str, model: type[BaseModel]) -> JsonObject:
    """Remove the unknown keys of a nested object; return their values by dotted names."""
    value = message.get(name)
    if not isinstance(value, dict) or value.keys() <= model.model_fields.keys():
        return {}
    fields = model.model_fields
    message[name] = {key: item for key, item in value.items() if key in fields}
    return {f"{name}.{key}": item for key, item in value.items() if key not in fields}


def _errors(model: type[Message], message: JsonObject) -> list[FieldProblem]:
    try:
        model.model_validate(message, context={"lenient": True})
    except pydantic.ValidationError as error:
        return problems_of(model, error)
    return []


def _unchanged(value: Any) -> Any:
    return value


def _as_text(value: Any) -> Any:
    return str(value) if is_number(value) else value


def _as_texts(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    types = {*map(type, value)}
    if types <= {str}:
        return value
    if types == {int}:
        return [str(item) for item in value]  # a third of the time that `map(str, …)` takes
    return [*map(_as_text, value)]


def _as_object(value: Any) -> Any:
    return {} if value == [] else value


def _as_object_of_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    return _as_object(value)


def _as_time(value: Any) -> Any:
    return to_timestamp(value) or value


def _as_model(model: type[BaseModel]) -> Callable[[Any], Any]:
    coercions = _coercions(model)

    def coerce(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: coercions.get(key, _unchanged)(item) for key, item in value.items()}

    return coerce


@cache
def _coercions(model: type[BaseModel]) -> Mapping[str, Callable[[Any], Any]]:
    """The conversion for the value of each field."""
    return {
        name: _as_time if name == "timestamp" else _coercion(field.annotation)
        for name, field in model.model_fields.items()
    }


def _coercion(annotation: Any) -> Callable[[Any], Any]:
    kind = _without_null(annotation)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _as_model(kind)
    return _BY_KIND.get(kind, _unchanged)


_BY_KIND: Mapping[Any, Callable[[Any], Any]] = {
    str: _as_text,
    list[str]: _as_texts,
    dict[str, Any]: _as_object,
    dict[str, str]: _as_object_of_text,
}


def _without_null(annotation: Any) -> Any:
    """Return the type in `Annotated[…] | None`; a union of several types stays unchanged."""
    if get_origin(annotation) is Annotated:
        return _without_null(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        types = [member for member in get_args(annotation) if member is not NoneType]
        return _without_null(types[0]) if len(types) == 1 else annotation
    return annotation
