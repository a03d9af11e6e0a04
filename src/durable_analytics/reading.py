"""From what arrived to a checked input: JSON, spelling of keys, models, and the errors in words."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeVar, get_args

import pydantic
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, from_json
from temporalio.common import RawValue

from durable_analytics.contract import Input, Method
from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.messages import JsonObject, Message, is_message_id, is_number

LIMIT_BYTES = 1024 * 1024
"""The largest input. Temporal refuses payloads over 2 MiB, and an output holds an answer too."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An input that holds at every provider."""

    input: Input
    message: Message
    context: JsonObject
    """As it arrived, its own keys in snake_case."""

    unchecked: JsonObject
    """With `"strict": false`, the message's keys that no model knows or whose values do not fit."""


def read(method: Method, data: JsonObject) -> Reading:
    """Check an input that `normalise` returned.

    Raises:
        ValidationError: It breaks the contract; the error names each field.
    """
    lenient = is_lenient(data)
    context = data.get("context") or {}
    if lenient and isinstance(context, dict):
        data = {key: value for key, value in data.items() if key != "context"}
    message = data.get(method.key)

    def check(message: Any) -> Input:
        given = {**data, method.key: message} if method.key in data else data
        return method.input.model_validate(given, context={"lenient": lenient})

    try:
        checked, unchecked = _checked(check, message, lenient=lenient, place=(method.key,))
    except pydantic.ValidationError as error:
        raise in_words(method.input, error) from None
    return Reading(checked, getattr(checked, method.key), context, unchecked)


def read_message(
    method: Method, message: JsonObject, *, lenient: bool
) -> tuple[Message, JsonObject]:
    """Check one message of a batch, its own keys in snake_case.

    Returns:
        The message, and with `lenient` what was let through beside the model.

    Raises:
        ValidationError: It breaks the contract; paths begin inside the message.
    """
    validate = method.message.__pydantic_validator__.validate_python
    try:
        if not lenient:
            return validate(message), {}
        return _checked(
            lambda given: validate(given, context={"lenient": True}),
            message,
            lenient=True,
            place=(),
        )
    except pydantic.ValidationError as error:
        raise in_words(method.message, error) from None


T = TypeVar("T")


def _checked(
    check: Callable[[Any], T], message: Any, *, lenient: bool, place: tuple[str, ...]
) -> tuple[T, JsonObject]:
    """What `check` makes of a message; with `lenient`, of what fits of it."""
    try:
        return check(message), {}
    except pydantic.ValidationError as error:
        if not lenient or not isinstance(message, dict):
            raise
        mended, unchecked = _mended(message, error, place)
    return check(mended), unchecked


def _mended(
    message: JsonObject, error: pydantic.ValidationError, place: tuple[str, ...]
) -> tuple[JsonObject, JsonObject]:
    """The message with numbers as text where text belongs, as SDKs send ids; and what misfits."""
    mended, unchecked = message, {}
    for details in error.errors(include_url=False):
        loc = details["loc"][len(place) :]
        if details["loc"][: len(place)] != place or not loc:
            continue
        is_id = loc[0] != "timestamp"
        if details["type"] == "string_type" and is_id and is_number(details["input"]):
            mended = _with(mended, loc, str(details["input"]))
        elif loc[0] in message:
            unchecked[str(loc[0])] = message[str(loc[0])]
    return {k: v for k, v in mended.items() if k not in unchecked}, unchecked


def _with(tree: Any, place: Sequence[int | str], value: str) -> Any:
    """The tree with another value in one place."""
    if not place:
        return value
    step, *inside = place
    copy = tree.copy()
    copy[step] = _with(tree[step], inside, value)
    return copy


def is_lenient(data: JsonObject) -> bool:
    """Whether an input says `"strict": false`."""
    return data.get("strict") is False


def needs_message_id(message: JsonObject, *, lenient: bool) -> bool:
    """Whether to make one up: there is none, or with `lenient` one that tells nothing."""
    given = message.get("message_id")
    return given is None or (lenient and not is_message_id(given))


def decode(value: Any, name: str = "the input", limit_bytes: int = LIMIT_BYTES) -> Any:
    """Read one argument of a workflow or an activity.

    Args:
        value: The raw payload, or what the SDK made of it where it lost the type hint.
        name: What it is to the reader of an error.
        limit_bytes: The largest that can be handed on.

    Raises:
        ValidationError: The payload is not JSON, or too large to be handed on.
    """
    if not isinstance(value, RawValue):
        return value
    encoding = value.payload.metadata.get("encoding", b"")[:40].decode(errors="replace")
    if encoding == "binary/null":
        return None
    if encoding != "json/plain":
        raise ValidationError.at("", f"{name} must be JSON, not a payload of {encoding!r}")
    _check_bytes(name, len(value.payload.data), limit_bytes)
    try:
        return from_json(value.payload.data)
    except ValueError:
        told = f"{name} is not valid JSON, or nested deeper than 200 levels"
        raise ValidationError.at("", told) from None


def normalise(method: Method, data: Any) -> JsonObject:
    """Return the input with its own keys in snake_case; the caller's data keeps its keys.

    Raises:
        ValidationError: It is no object, holds what is not JSON, spells one key in both ways, or is
            too large.
    """
    renamed = respell(method, data)
    try:
        size = len(json.dumps(renamed, allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        told = [*not_json(renamed)] or [FieldProblem("", "the input cannot be written as JSON")]
        raise ValidationError.of(told) from None
    _check_bytes("the input", size, LIMIT_BYTES)
    return renamed


def respell(method: Method, data: Any) -> JsonObject:
    """Return the input with its own keys in snake_case, and look at nothing else of it.

    Raises:
        ValidationError: It is no object, or spells one key in both ways.
    """
    if not isinstance(data, dict):
        shape = json.dumps(_SHAPES.get(method.key, {method.key: {"…": "…"}}), ensure_ascii=False)
        raise ValidationError.at("", f"the input must be one JSON object, like {shape}")
    return snake_case(data, method.input, "")


_SHAPES = {"batch": {"messages": [{"type": "track", "…": "…"}]}}
"""Of the one input that has no message of its own."""


def _check_bytes(name: str, size: int, limit: int) -> None:
    """Refuse what could not be handed on, or would be delivered and could then not be told."""
    if size > limit:
        told = f"{name} is {size} bytes as Temporal writes it, in ASCII; at most {limit} fit"
        raise ValidationError.at("", told)


_DEEPEST = 100
"""Levels of nesting. The worker's JSON parser stops at 200, some providers' much sooner."""


def not_json(value: Any, path: str = "", depth: int = 0) -> Iterator[FieldProblem]:
    """Find what JSON cannot say: NaN, infinities, foreign types, keys that are no text."""
    if depth > _DEEPEST:
        top, _, _ = path.partition(".")  # the whole path would be as deep
        yield FieldProblem(top, f"is nested deeper than {_DEEPEST} levels")
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str) and _is_unicode(key):
                yield from not_json(item, _join(path, key), depth + 1)
            else:
                yield FieldProblem(path, "has a key that is not text")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from not_json(item, _join(path, index), depth + 1)
    elif isinstance(value, str):
        if not _is_unicode(value):
            yield FieldProblem(path, "is not valid Unicode text")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield FieldProblem(path, "is not a finite number: leave the key out, or send null")
    elif value is not None and not isinstance(value, (bool, int)):
        yield FieldProblem(path, f"is a {type(value).__name__}, which is not JSON")


def _is_unicode(text: str) -> bool:
    """Python's text may hold lone surrogates, which no encoding of JSON can carry."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _join(path: str, step: str | int) -> str:
    return f"{path}.{step}" if path else str(step)


@cache
def _spellings(model: type[BaseModel]) -> Mapping[str, tuple[str, type[BaseModel] | None]]:
    """Each accepted spelling of a model's keys: the key's name, and the model of its value."""
    table = {}
    for name, field in model.model_fields.items():
        models = (t for t in (field.annotation, *get_args(field.annotation)) if isinstance(t, type))
        nested = next((t for t in models if issubclass(t, BaseModel)), None)
        table[name] = table[to_camel(name)] = (name, nested)
    return table


@cache
def _renamed(model: type[BaseModel]) -> frozenset[str]:
    """The keys that do not stay as they are, or whose values hold such keys."""
    return frozenset(
        spelling
        for spelling, (name, nested) in _spellings(model).items()
        if nested or spelling != name
    )


def _has_nothing_to_rename(data: JsonObject, model: type[BaseModel]) -> bool:
    return _renamed(model).isdisjoint(data)


def snake_case(data: JsonObject, model: type[BaseModel], path: str) -> JsonObject:
    """Rename the keys that the model knows, and those of the models in it.

    Raises:
        ValidationError: One key is there in both spellings.
    """
    if _has_nothing_to_rename(data, model):
        return dict(data)
    spellings = _spellings(model)
    spelled: dict[str, str] = {}
    renamed: JsonObject = {}
    for key, value in data.items():
        name, nested = spellings.get(key, (key, None))
        if name in renamed:
            raise ValidationError.at(
                _join(path, name), f"is spelled twice, as {spelled[name]} and {key}: keep one"
            )
        spelled[name] = key
        renamed[name] = (
            snake_case(value, nested, _join(path, name))
            if nested and isinstance(value, dict)
            else value
        )
    return renamed


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
"""What pydantic's error types say to somebody who sends JSON."""


def in_words(model: type[BaseModel], error: pydantic.ValidationError) -> ValidationError:
    """All of pydantic's errors, for somebody who sends JSON."""
    details = error.errors(include_url=False, include_input=False)
    told = details[: ValidationError.MOST_FIELDS]
    # Words for all of them could take seconds.
    return ValidationError.of((problem(model, one) for one in told), more=len(details) - len(told))


def problem(model: type[BaseModel], details: ErrorDetails) -> FieldProblem:
    """One of pydantic's errors, with a dotted path, and a hint where a key is unknown."""
    path = ".".join(str(step) or '""' for step in details["loc"])
    if field := details.get("ctx", {}).get("field"):
        path = _join(path, field)
    if details["type"] == "extra_forbidden":
        return FieldProblem(path, _unknown(model, details["loc"]))
    words = _WORDS.get(details["type"])
    if words is None:
        words = details["msg"].replace("Input should", "must", 1)
    return FieldProblem(path, words)


def _unknown(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    for step in loc[:-1]:
        model = _spellings(model).get(str(step), ("", None))[1] or model
    known = sorted(model.model_fields)
    close = get_close_matches(str(loc[-1]), known, n=1)
    if close:
        return f"is not a known key: did you mean {close[0]}?"
    return f"is not a known key: known here are {', '.join(known)}"
