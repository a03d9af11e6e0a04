"""Translation of pydantic's errors into error texts for callers who send JSON."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, get_args, get_origin

import pydantic
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.wire.messages import Message
from durable_analytics.wire.methods import Input


def join(path: str, step: str | int) -> str:
    """Append a step to a dotted path."""
    return f"{path}.{step}" if path else str(step)


@cache
def spellings(model: type[BaseModel]) -> Mapping[str, tuple[str, type[BaseModel] | None]]:
    """Map each spelling of a model's keys to the key's name and the model of its value."""
    table = {}
    for name, field in model.model_fields.items():
        types = map(_plain, (field.annotation, *get_args(field.annotation)))
        models = (t for t in types if isinstance(t, type) and issubclass(t, BaseModel))
        nested = next(models, None)
        table[name] = table[to_camel(name)] = (name, nested)
    return table


def _plain(annotation: Any) -> Any:
    """Return the type in `Annotated[…]`; any other annotation as it is."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


@cache
def models_in(model: type[BaseModel]) -> tuple[tuple[str, type[BaseModel]], ...]:
    """Return the fields of a model whose values are models."""
    found = {name: nested for name, nested in spellings(model).values() if nested}
    return tuple(found.items())


_SUBJECT = re.compile(r"^\w+ should")
"""The beginning of pydantic's messages: "Input should", "List should"."""

_WORDS = {
    "missing": "is required",
    "string_type": "must be text",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
}
"""The texts for pydantic's error types."""


def to_validation_error(model: type[BaseModel], error: pydantic.ValidationError) -> ValidationError:
    """Translate pydantic's errors into one error of this package."""
    listed = problems_of(model, error)
    return ValidationError.of(listed, more=error.error_count() - len(listed))


def problems_of(model: type[BaseModel], error: pydantic.ValidationError) -> list[FieldProblem]:
    """Translate the first of pydantic's errors, as many as an error lists."""
    details = error.errors(include_url=False, include_input=False)
    # To translate all of them could take seconds.
    return [problem(model, error) for error in details[: ValidationError.MOST_FIELDS]]


def problem(model: type[BaseModel], details: ErrorDetails) -> FieldProblem:
    """Translate one of pydantic's errors; add a hint if a key is unknown."""
    path = ".".join(str(step) or '""' for step in details["loc"])
    if field := details.get("ctx", {}).get("field"):
        path = join(path, field)
    if details["type"] == "extra_forbidden":
        return FieldProblem(path, _unknown(model, details["loc"]))
    words = _WORDS.get(details["type"])
    if words is None:
        words = _SUBJECT.sub("must", details["msg"]).replace(" after validation", "")
    return FieldProblem(path, words)


def _unknown(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    for step in loc[:-1]:
        model = spellings(model).get(str(step), ("", None))[1] or model
    if issubclass(model, Message) and loc[-1] in spellings(Input):
        return "is a key of the input, not of a message: write it beside the message"
    known = sorted(model.model_fields)
    close = get_close_matches(str(loc[-1]), known, n=1)
    if close:
        return f"is not a known key: did you mean {close[0]}?"
    return f"is not a known key; the known keys are {', '.join(known)}"
