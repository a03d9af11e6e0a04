"""The setting `routing` of an integration: filters messages, and changes their values."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate
from functools import cached_property
from re import Pattern
from re import compile as compile_pattern
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)
from pydantic.alias_generators import to_camel, to_snake

from durable_analytics.errors import ValidationError
from durable_analytics.wire.contexts import merge_context
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.search_attributes import hash_user

_EDITABLE_FIELDS = ("properties", "traits")
"""The fields of a message in which a routing can change values."""

_EXEMPT_METHODS = frozenset({"call", "delete"})
"""Methods to which no filter applies except `methods`: a sampled-out deletion would leave personal
data at the provider."""


def _check_method(key: str) -> str:
    if key not in METHODS:
        raise ValueError(f"must be one of {', '.join(METHODS)}")
    return key


def _check_editable_path(path: str) -> str:
    field, _, name = path.partition(".")
    if field not in _EDITABLE_FIELDS or not all(name.split(".")):
        raise ValueError('must be the path of a property or a trait, like "properties.card"')
    return path


_READABLE_FIELDS = frozenset(
    {"type", "context", *(name for one in METHODS.values() for name in one.message.model_fields)}
)
"""The fields of a message that a routing can compare."""


def _check_readable_path(path: str) -> str:
    field, *names = path.split(".")
    if field not in _READABLE_FIELDS or not all(names):
        raise ValueError(
            'must be the path of a value in the message, like "properties.plan" or "user_id"'
        )
    return path


Method = Annotated[str, AfterValidator(_check_method)]
EditablePath = Annotated[str, AfterValidator(_check_editable_path)]


class Routing(BaseModel):
    """`[integrations.NAME.routing]`. A message must pass all filters; then its values change."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    methods: tuple[Method, ...] | None = None
    """The methods that the integration gets. Default: all."""

    events: tuple[str, ...] | None = None
    """Shell patterns (`*`, `?`, `[ab]`), case-sensitive. The name of an event must match one of
    them. Messages without an event pass. Default: all events pass."""

    where: dict[Annotated[str, AfterValidator(_check_readable_path)], JsonValue] = {}
    """JSON values by path, like `"properties.plan"` or `"context.locale"`. The message must have
    exactly these values at these paths."""

    sample: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """The share of users whose messages the integration gets, from 0 to 1. The SHA-256 of
    `user_id`, or of `anonymous_id` if there is no `user_id`, selects the users. Messages without
    either id are sent. Default: all users."""

    drop: tuple[EditablePath, ...] = ()
    """The properties and traits to remove."""

    allow: tuple[EditablePath, ...] = ()
    """The properties and traits to keep; all others are removed. If it names only properties, all
    traits are kept, and vice versa. Default: keep all."""

    rename: dict[EditablePath, EditablePath] = {}
    """The new path of each property or trait to rename, by its old path."""

    hash: tuple[EditablePath, ...] = ()
    """Properties and traits whose text is replaced by its HMAC-SHA256 in hex. The key is the first
    of `user_hash_keys`."""

    @model_validator(mode="after")
    def _check_rename(self) -> Self:
        for old, new in self.rename.items():
            if old.partition(".")[0] != new.partition(".")[0]:
                raise ValueError(f"rename: {old} and {new} must begin with the same field")
        return self

    @cached_property
    def _events(self) -> Pattern[str] | None:
        if self.events is None:
            return None
        return compile_pattern("|".join(translate(event) for event in self.events) or r"(?!)")

    @cached_property
    def _dropped(self) -> Sequence[Sequence[str]]:
        return [path.split(".") for path in self.drop]

    @cached_property
    def _allowed(self) -> Mapping[str, tuple[str, ...]]:
        """The paths in `allow`, without their field, grouped by field."""
        fields: dict[str, tuple[str, ...]] = {}
        for path in self.allow:
            field, _, name = path.partition(".")
            fields[field] = (*fields.get(field, ()), name)
        return fields

    @cached_property
    def _edited_fields(self) -> frozenset[str]:
        paths = (*self.drop, *self.allow, *self.rename, *self.hash)
        return frozenset(path.partition(".")[0] for path in paths)

    @cached_property
    def changes_values(self) -> bool:
        """Whether it changes values of messages."""
        return bool(self.drop or self.allow or self.rename or self.hash)

    def excludes(self, method: str, message: JsonObject, context: Any) -> str | None:
        """Return why the integration does not get a message; None if it gets the message.

        Args:
            method: The key of the method.
            message: The message, in snake_case or camelCase.
            context: The context of the input.
        """
        if self.methods is not None and method not in self.methods:
            return f"the routing does not list the method {method}"
        if method in _EXEMPT_METHODS:
            return None
        event = message.get("event")
        if self._events and isinstance(event, str) and not self._events.match(event):
            return "the routing does not list its event"
        for path, expected in self.where.items():
            value = method if path == "type" else _read(message, context, path)
            if not _is_equal(value, expected):
                return f"the routing requires another value of {path}"
        if self.sample is not None and not self._is_sampled(message):
            return "its user is not in the sample"
        return None

    def _is_sampled(self, message: JsonObject) -> bool:
        for name in ("user_id", "anonymous_id"):
            person = _get(message, name)
            if person not in (None, ""):
                digest = hashlib.sha256(str(person).encode(errors="replace")).digest()
                return int.from_bytes(digest[:8], "big") < (self.sample or 0) * 2**64
        return True

    def change_values(self, method: str, message: JsonObject, hash_key: str) -> JsonObject:
        """Return a copy of a message, with the values that the integration gets.

        Args:
            method: The key of the method, for the paths in errors.
            message: The message, in snake_case or camelCase.
            hash_key: The first of `user_hash_keys`.

        Raises:
            ValidationError: A new name is taken, or a value to hash is not text.
        """
        if not self.changes_values:
            return message
        edited: JsonObject = {}
        for field in self._edited_fields:
            value = message.get(field)
            if isinstance(value, dict):
                edited[field] = dict(value)
            elif value not in (None, []):  # PHP's empty object
                raise ValidationError.at(
                    f"{method}.{field}", "must be an object: the routing changes its values"
                )
        if not edited:
            return message
        for steps in self._dropped:
            _pop(edited, steps)
        for field, names in self._allowed.items():
            if field in edited:
                edited[field] = _pick(edited[field], names)
        for old, new in self.rename.items():
            _rename(edited, old, new, method)
        for path in self.hash:
            _hash(edited, path, method, hash_key)
        return {**message, **edited}


def changed_fields(before: JsonObject, after: JsonObject) -> JsonObject:
    """Return the fields of a message that a routing has changed, with their new values."""
    return {name: value for name, value in after.items() if value != before.get(name)}


def _get(message: JsonObject, name: str) -> Any:
    """Return a field by its name in snake_case or, if there is none, in camelCase."""
    value = message.get(name)
    return message.get(to_camel(name)) if value is None else value


def _read(message: JsonObject, context: Any, path: str) -> Any:
    first, *rest = path.split(".")
    value = _get(message, first)
    is_context = first == "context"
    if is_context and isinstance(context, dict):
        value = merge_context(context, value) if isinstance(value, dict) else context
    for name in rest:
        if is_context and isinstance(value, dict) and name not in value:
            # Its keys are in snake_case in a strict input; an SDK writes camelCase.
            name = to_camel(name) if "_" in name else to_snake(name)  # noqa: PLW2901
        if not isinstance(value, dict) or name not in value:
            return _MISSING
        value = value[name]
    return value


_MISSING = object()


def _is_equal(value: Any, expected: JsonValue) -> bool:
    """Whether two JSON values are equal. In Python, `True == 1`; in JSON they differ."""
    if value is _MISSING:
        return False
    if isinstance(value, (bool, str, type(None))) or isinstance(expected, (bool, str, type(None))):
        return type(value) is type(expected) and bool(value == expected)
    if isinstance(value, (dict, list)) or isinstance(expected, (dict, list)):
        return json.dumps(value, sort_keys=True) == json.dumps(expected, sort_keys=True)
    return bool(value == expected)


def _parent(edited: JsonObject, path: Sequence[str], *, create: bool = False) -> JsonObject | None:
    """Return the object in which the last step of a path is a key; None if there is no such object.

    Nested objects on the path are replaced by copies, so that the caller may change them.

    Args:
        edited: Copies of the fields of a message.
        path: The steps; the first one is a field.
        create: Whether to add missing objects.
    """
    parent = edited.get(path[0])
    if len(path) == 2 or not isinstance(parent, dict):
        return parent
    for step in path[1:-1]:
        inner = parent.get(step)
        if inner is None and create:
            inner = {}
        if not isinstance(inner, dict):
            return None
        parent[step] = parent = dict(inner)
    return parent


def _pop(edited: JsonObject, path: Sequence[str]) -> Any:
    """Remove and return a value; `_MISSING` if there is none."""
    parent = _parent(edited, path)
    return _MISSING if parent is None else parent.pop(path[-1], _MISSING)


def _pick(fields: JsonObject, names: Iterable[str]) -> JsonObject:
    """Return an object with only these paths of another one."""
    kept: JsonObject = {}
    roots = {"": kept}
    for name in names:
        path = name.split(".")
        value: Any = fields
        for step in path:
            value = value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
        target = None if value is _MISSING else _parent(roots, ["", *path], create=True)
        if target is not None:
            target[path[-1]] = value
    return kept


def _rename(edited: JsonObject, old: str, new: str, method: str) -> None:
    if (value := _pop(edited, old.split("."))) is _MISSING:
        return
    path = new.split(".")
    target = _parent(edited, path, create=True)
    if target is None or path[-1] in target:
        raise ValidationError.at(
            f"{method}.{new}", f"is set, and the routing renames {old} to it: send only one of them"
        )
    target[path[-1]] = value


def _hash(edited: JsonObject, path: str, method: str, key: str) -> None:
    steps = path.split(".")
    parent = _parent(edited, steps)
    if parent is None or parent.get(steps[-1]) is None:
        return
    value = parent[steps[-1]]
    if not isinstance(value, str):
        raise ValidationError.at(f"{method}.{path}", "must be text: the routing hashes it")
    parent[steps[-1]] = hash_user(value, key)
