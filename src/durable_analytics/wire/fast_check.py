"""A fast check that accepts most valid messages, so that they need no validation by their models.

A message that passes is valid, and its model would not change it. A message that does not pass may
still be valid: its model decides, which takes several times as long. The kinds of values are read
from the models; a field or a model with a rule that is not known here never passes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from durable_analytics.wire.field_types import Ids, RequiredText, broken_property_rule, is_filled
from durable_analytics.wire.messages import PAGE_TITLES, Context, JsonObject
from durable_analytics.wire.methods import METHODS

_KINDS: Mapping[Any, type] = {
    str: str,
    str | None: str,
    bool | None: bool,
    JsonObject | None: dict,
}
"""The type whose values are always valid, by annotation; a text must not be blank."""

_NOT_BLANK = list(get_args(RequiredText)[1:])
_ID_LIST = list(get_args(Ids)[1:])
"""The validators of a field that are known here."""

_FIELD_RULES = frozenset({"_well_known_properties"})
"""The validators in the classes of models that are known here, for a field."""


def _has_title(properties: JsonObject) -> bool:
    return any(is_filled(properties.get(name)) for name in PAGE_TITLES)


_ID_RULE = "_has_an_id"
_IDS = frozenset({"user_id", "anonymous_id"})

_MODEL_RULES: Mapping[str, Callable[[JsonObject, bool], bool]] = {
    "_has_a_name": lambda fields, is_lenient: is_lenient or "name" in fields,
    "_is_identified": lambda fields, is_lenient: (
        is_lenient or "name" in fields or _has_title(fields.get("properties", {}))
    ),
}
"""The validators in the classes of models, for a message: whether fields that are valid each pass
one. The second argument is whether the input has `"strict": false`."""


@dataclass(frozen=True, slots=True)
class _Check:
    """What the fast check knows about a model."""

    kinds: Mapping[str, type | None]
    """The type whose values are valid, by field; None if the type is not enough."""

    id_lists: frozenset[str]
    """The fields that may hold a list of ids instead."""

    required: frozenset[str]

    alternatives: frozenset[str]
    """The fields of which one must be set; empty if there is no such rule."""

    rules: tuple[Callable[[JsonObject, bool], bool], ...]


def _kinds(model: type[BaseModel]) -> dict[str, type | None]:
    """Return the types by field; None for a field with a rule that is not known here."""
    validators = model.__pydantic_decorators__.field_validators
    unknown = {
        name
        for rule, validator in validators.items()
        if rule not in _FIELD_RULES
        for name in validator.info.fields
    }
    kinds: dict[str, type | None] = {}
    for name, field in model.model_fields.items():
        if field.metadata == _ID_LIST:
            kinds[name] = str
        else:
            has_known_rules = unknown.isdisjoint((name, "*")) and field.metadata in ([], _NOT_BLANK)
            kinds[name] = _KINDS.get(field.annotation) if has_known_rules else None
    return kinds


def _check_of(model: type[BaseModel]) -> _Check:
    """Return the check of a model; none passes if it has a rule that is not known here."""
    rules = model.__pydantic_decorators__.model_validators.keys()
    fields = model.model_fields.items()
    return _Check(
        _kinds(model),
        frozenset(name for name, field in fields if field.metadata == _ID_LIST),
        frozenset(name for name, field in fields if field.is_required()),
        _IDS if _ID_RULE in rules else frozenset(),
        tuple(_MODEL_RULES.get(rule, _is_unknown) for rule in rules if rule != _ID_RULE),
    )


def _is_unknown(fields: JsonObject, is_lenient: bool) -> bool:
    del fields, is_lenient
    return False


_CHECKS = {key: _check_of(method.message) for key, method in METHODS.items()}
_CONTEXT = {**dict.fromkeys(map(to_camel, Context.model_fields)), **_kinds(Context)}
"""The types by key in snake_case; None for keys in camelCase."""


def passes_fast_check(
    key: str,
    fields: JsonObject,
    *,
    is_lenient: bool,
    holds_json: Callable[[JsonObject], bool] | None = None,
) -> bool:
    """Whether a message is certainly valid, apart from its `message_id` and its `timestamp`.

    Args:
        key: The method's.
        fields: The other fields that are set, in snake_case.
        is_lenient: Whether the input has `"strict": false`.
        holds_json: Whether an object has only values of JSON; None if a JSON parser returned it.
    """
    check = _CHECKS[key]
    kinds = check.kinds
    for name, value in fields.items():
        kind = type(value)
        if kinds.get(name) is not kind:
            if name not in check.id_lists or not _is_id_list(value):
                return False
        elif kind is str:
            if not value or value.isspace():
                return False
        elif kind is dict and (
            (holds_json is not None and not holds_json(value))
            or (not is_lenient and broken_property_rule(value))
        ):
            return False
    if not check.required.issubset(fields) or (
        check.alternatives and check.alternatives.isdisjoint(fields)
    ):
        return False
    for rule in check.rules:  # noqa: SIM110  # `all` takes as long as the rest of this function
        if not rule(fields, is_lenient):
            return False
    return True


def field_kinds(key: str) -> Mapping[str, type | None]:
    """Return the type whose values are valid, for each field of a method; None if it is not enough.

    A text must not be blank, and an object needs valid well-known properties in a strict input.
    """
    return _CHECKS[key].kinds


def context_passes_fast_check(context: JsonObject) -> bool:
    """Whether a context is certainly valid, in snake_case; it may have more keys than the model."""
    for name, value in context.items():
        kind = type(value)
        if value is None or _CONTEXT.get(name, kind) is not kind:  # null is "not set"
            return False
    return True


def _is_id_list(value: Any) -> bool:
    return (
        type(value) is list
        and bool(value)
        and all(type(item) is str and item and not item.isspace() for item in value)
    )
