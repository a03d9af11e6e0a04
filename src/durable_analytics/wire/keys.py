"""Conversion of the keys of inputs to snake_case, and a limit for the number of unknown keys."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.wire.decoding import check_size
from durable_analytics.wire.json_reader import deep_problem, has_many_brackets
from durable_analytics.wire.json_writer import ascii_size, write_json
from durable_analytics.wire.limits import INPUT_LIMIT_BYTES
from durable_analytics.wire.messages import JsonObject, MetricUser, Wire
from durable_analytics.wire.methods import BATCH, Method
from durable_analytics.wire.problems import join, models_in, spellings


def is_lenient(data: JsonObject) -> bool:
    """Whether an input has `"strict": false`."""
    return data.get("strict") is False


def normalise(method: Method, data: Any) -> JsonObject:
    """Return the input with its own keys in snake_case; the caller's data keeps its keys.

    Raises:
        ValidationError: The input is not an object, contains a value that is not JSON, has one key
            in both spellings, is too large, or is nested too deeply.
    """
    renamed = rename_keys(method, data)
    content = write_json(renamed)
    check_size("the input", ascii_size(content), INPUT_LIMIT_BYTES)
    if has_many_brackets(content):
        refuse_deep_values(renamed)
    return renamed


def refuse_deep_values(data: JsonObject) -> None:
    """Check that no value of an input is nested too deeply, with the context as part of a message.

    Raises:
        ValidationError: A value is; the error names each.
    """
    as_part = {"context": data["context"]} if "context" in data else {}
    others = {key: value for key, value in data.items() if key != "context"}
    problems = [p.below(key) for key, value in others.items() if (p := deep_problem(value))]
    if problem := deep_problem(as_part):
        problems.append(problem)
    if problems:
        raise ValidationError.of(problems)


def rename_keys(method: Method, data: Any) -> JsonObject:
    """Return the input with its own keys in snake_case, without any other check.

    Raises:
        ValidationError: The input is not an object, or has one key in both spellings.
    """
    if not isinstance(data, dict):
        is_batch = method is BATCH
        shape: JsonObject = (
            {"messages": [{"type": "track", "…": "…"}]} if is_batch else {method.key: {"…": "…"}}
        )
        example = json.dumps(shape, ensure_ascii=False)
        raise ValidationError.at("", f"the input must be one JSON object, like {example}")
    if not is_lenient(data) or "context" not in data:
        return snake_case(data, method.input, "")
    # The context of an SDK stays unchanged, its keys too.
    own = {key: value for key, value in data.items() if key != "context"}
    renamed = snake_case(own, method.input, "")
    return renamed if data["context"] is None else {**renamed, "context": data["context"]}


@cache
def _renamed(model: type[BaseModel]) -> frozenset[str]:
    """The keys that are renamed, or whose values contain keys that are renamed."""
    return frozenset(
        spelling
        for spelling, (name, nested) in spellings(model).items()
        if nested or spelling != name
    )


@cache
def _flat_names(model: type[BaseModel]) -> Mapping[str, str]:
    """The name of each spelling, for a model without nested models; empty for other models."""
    table = spellings(model).items()
    has_nested = any(nested for _, (_, nested) in table)
    return {} if has_nested else {spelling: name for spelling, (name, _) in table}


def snake_case(data: JsonObject, model: type[BaseModel], path: str) -> JsonObject:
    """Rename the known keys of a model and of its nested models; drop keys whose value is null.

    Null means "not set" for every key, known or unknown, except inside objects of caller data.

    Raises:
        ValidationError: A key is set in both spellings.
    """
    has_nulls = None in data.values()
    if _renamed(model).isdisjoint(data) and not has_nulls:
        return dict(data)
    if (names := _flat_names(model)) and not has_nulls:
        flat = {names.get(key, key): value for key, value in data.items()}
        if len(flat) == len(data):
            return flat
    keeps_nulls = issubclass(model, MetricUser)
    table = spellings(model)
    spelled: dict[str, str] = {}
    renamed: JsonObject = {}
    for key, value in data.items():
        name, nested = table.get(key, (key, None))
        # Null instead of a whole message stays, and is refused as "not an object".
        is_data = (keeps_nulls and key in table) or (nested and issubclass(nested, Wire))
        if value is None and not is_data:
            continue
        if name in renamed:
            raise ValidationError.at(
                join(path, name), f"is set twice, as {spelled[name]} and as {key}: remove one"
            )
        spelled[name] = key
        renamed[name] = (
            snake_case(value, nested, join(path, name))
            if nested and isinstance(value, dict)
            else value
        )
    return renamed


def refuse_surplus_keys(
    data: Any, model: type[BaseModel], path: str, open_model: type[BaseModel] | None = None
) -> None:
    """Refuse an object with very many unknown keys, before an error message is made for each key.

    Args:
        data: The object, or any other value.
        model: The model of the object; nested objects are checked with the nested models.
        path: The path of the object.
        open_model: A model that may have unknown keys, nested ones too, like the model of a message
            with `"strict": false`.

    Raises:
        ValidationError: The object has more unknown keys than an error lists.
    """
    if not isinstance(data, dict):
        return
    fields = model.model_fields
    is_open = model is open_model or model.model_config.get("extra") == "allow"
    if not is_open and len(data) > len(fields) + ValidationError.MOST_FIELDS:
        unknown = [key for key in data if key not in fields]
        problems = (
            FieldProblem(join(path, key), "is not a known key")
            for key in unknown[: ValidationError.MOST_FIELDS]
        )
        raise ValidationError.of(problems, more=len(unknown) - ValidationError.MOST_FIELDS)
    for name, nested in models_in(model):
        if name in data:
            is_part = model is open_model
            refuse_surplus_keys(
                data[name], nested, join(path, name), nested if is_part else open_model
            )
