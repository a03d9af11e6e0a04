"""Which calls are right beyond doubt: a quick look that decides most of them.

A call that passes is one that the model of its message accepts, and holds nothing but JSON; one
that does not may still be right, which the model then says, in five times as long. The kinds of
values come from the models' annotations; a test holds the two against each other.
"""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from durable_analytics.contract import METHODS
from durable_analytics.currencies import CURRENCIES
from durable_analytics.messages import Context, JsonObject, PersonMessage, RequiredText

_KINDS: Mapping[Any, type] = {
    str: str,
    str | None: str,
    bool | None: bool,
    JsonObject | None: dict,
}
"""The kind of value that fits an annotation beyond doubt."""

_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "identify": (),
    "track": ("event",),
    "group": ("group_id",),
    "page": ("name",),
    "screen": ("name",),
    "delete": ("user_id",),
    "annotate": ("event",),
}
"""The texts that make a message complete, an id of a person aside; of the methods in common use."""


def _kinds(model: type[BaseModel]) -> Mapping[str, type | None]:
    """By key; None where a look at the kind does not do, as for a key in camelCase."""
    kinds: dict[str, type | None] = {}
    for name, field in model.model_fields.items():
        has_other_rules = bool(field.metadata) and field.metadata != _FILLED
        kinds[to_camel(name)] = None
        kinds[name] = None if has_other_rules else _KINDS.get(field.annotation)
    return kinds


_FILLED = list(get_args(RequiredText)[1:])
"""The one rule that `is_right` knows of: a text is not blank."""

_MESSAGES = {
    key: (
        _kinds(METHODS[key].message),
        required,
        issubclass(METHODS[key].message, PersonMessage),
    )
    for key, required in _REQUIRED.items()
}
_CONTEXT = _kinds(Context)

_ATOMS = frozenset({str, int, float, bool, type(None)})
_CONTAINERS = frozenset({dict, list, tuple})
_NUMBERS = frozenset({int, float})
_LEVELS = 20
"""Deeper than this is left to `not_json`, which knows the limit."""

_are_texts = frozenset({str}).issuperset
_have_no_rules = frozenset({"revenue", "value", "currency"}).isdisjoint


def is_right(key: str, call: JsonObject) -> bool:
    """Whether a call is right without asking the model.

    Args:
        key: The method's.
        call: The message's fields.
    """
    if key not in _MESSAGES:
        return False
    kinds, required, of_a_person = _MESSAGES[key]
    for name, value in call.items():
        kind = type(value)
        if kinds.get(name) is not kind:
            return False
        if kind is str:
            if not value or value.isspace():
                return False
        elif not is_plain(value) or not (_have_no_rules(value) or _keeps_rules(value)):
            return False
    for name in required:
        if name not in call:
            return False
    return not of_a_person or "user_id" in call or "anonymous_id" in call


def is_right_context(context: Any) -> bool:
    """Whether a call's own context is right; it may have further keys than the model."""
    return (
        type(context) is dict
        and is_plain(context)
        and all(_CONTEXT.get(name, type(value)) is type(value) for name, value in context.items())
    )


def is_plain(container: Any, levels: int = _LEVELS) -> bool:
    """Whether a dict, list or tuple holds builtin types alone, and not deep. NaN is not seen."""
    if type(container) is dict:
        if not _are_texts(map(type, container)):
            return False
        container = container.values()
    for value in container:
        kind = type(value)
        if kind not in _ATOMS and not (
            levels and kind in _CONTAINERS and is_plain(value, levels - 1)
        ):
            return False
    return True


def _keeps_rules(properties: JsonObject) -> bool:
    currency = properties.get("currency", "USD")
    return (
        type(properties.get("revenue", 0)) in _NUMBERS
        and type(properties.get("value", 0)) in _NUMBERS
        and type(currency) is str
        and currency in CURRENCIES
    )
