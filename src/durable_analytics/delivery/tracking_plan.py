"""Tracking plans: what the messages of each event must look like, as JSON Schema."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import jsonschema_rs
from pydantic_core import from_json, to_json

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.wire.contexts import merge_context
from durable_analytics.wire.messages import JsonObject

OnViolation = Literal["allow", "omit", "block"]

_BESIDE = ("identify", "group", "common")
"""The keys of a plan for messages without an event, and for all messages."""

_PARTS = ("properties", "traits", "context")

_NO_EVENT = frozenset({"call", "delete"})
"""Methods that no plan concerns."""

_LONGEST_PATH = 100


class TrackingPlan:
    """The schemas of a plan (JSON Schema, draft 7).

    A schema that describes `properties`, `traits` or `context` is for the whole message, as at
    Segment; any other one is for the properties, or for the traits of `identify` and `group`.

    Args:
        plan: A schema by the name of each event, in the object or in its key `events`; beside them,
            `identify`, `group`, and `common` for all messages.

    Raises:
        ValueError: It is not such an object, or a schema is not valid.
    """

    def __init__(self, plan: Any) -> None:
        if not isinstance(plan, dict):
            raise ValueError("must be an object with a JSON Schema for each event")  # noqa: TRY004  # a setting
        events = plan.get("events", {})
        if not isinstance(events, dict):
            raise ValueError("events must be an object with a JSON Schema for each event")  # noqa: TRY004
        named = {name: schema for name, schema in plan.items() if name not in ("events", *_BESIDE)}
        self._events = {
            name: _Schema(f"the event {name}", schema)
            for name, schema in {**named, **events}.items()
        }
        self._beside = {name: _Schema(name, plan[name]) for name in _BESIDE if name in plan}

    def check(
        self, method: str, message: JsonObject, context: Any = None
    ) -> Iterator[tuple[str, ...]]:
        """Yield the paths of the values that break the plan, inside the message.

        Args:
            method: The key of its method.
            message: The message.
            context: The context of the input; that of the message is merged over it.
        """
        if method in _NO_EVENT:
            return
        event = message.get("event")
        schemas = [self._events.get(event) if isinstance(event, str) else self._beside.get(method)]
        schemas.append(self._beside.get("common"))
        field_name = "traits" if method in ("identify", "group") else "properties"
        seen: set[tuple[str, ...]] = set()
        for schema in schemas:
            for path in schema.check(message, context, field_name) if schema else ():
                if path not in seen:
                    seen.add(path)
                    yield path

    def apply(
        self, method: str, message: JsonObject, context: Any, on_violation: OnViolation
    ) -> tuple[JsonObject, list[str]]:
        """Return the message that is sent, and the paths of the values that break the plan.

        Args:
            method: The key of its method.
            message: The message; it is not changed itself.
            context: The context of the input.
            on_violation: "block" raises an error. "omit" leaves out the values, but for those that
                are missing. "allow" sends the message as it is.

        Raises:
            ValidationError: The message breaks the plan, and that is not allowed.
        """
        paths = list(self.check(method, message, context))
        if not paths:
            return message, []
        shown = [".".join((method, *path))[:_LONGEST_PATH] for path in paths]
        if on_violation == "block":
            raise ValidationError.of(
                FieldProblem(path, "does not match the tracking plan") for path in shown
            )
        if on_violation == "omit":
            message = from_json(to_json(message))
            # The last first: the others keep their place in lists.
            for path in sorted(paths, key=_order, reverse=True):
                _remove(message, path)
        return message, shown


@lru_cache(maxsize=32)
def read_plan(content: bytes) -> TrackingPlan:
    """Return the plan in this JSON.

    Raises:
        ValueError: It is not a plan.
    """
    return TrackingPlan(from_json(content))


class _Schema:
    """One schema, and the part of a message that it describes."""

    def __init__(self, name: str, schema: Any) -> None:
        try:
            self._validator = jsonschema_rs.Draft7Validator(schema)
        except (jsonschema_rs.ValidationError, ValueError, TypeError):
            raise ValueError(f"{name}: is not a valid JSON Schema, draft 7") from None
        described = schema.get("properties") if isinstance(schema, dict) else None
        self._is_of_message = isinstance(described, dict) and not described.keys().isdisjoint(
            _PARTS
        )

    def check(
        self, message: JsonObject, context: Any, field_name: str
    ) -> Iterator[tuple[str, ...]]:
        """Yield the paths of the values that break it, inside the message."""
        part: Any = message.get(field_name)
        prefix: tuple[str, ...] = (field_name,)
        if self._is_of_message:
            part, prefix = _with_context(message, context), ()
        elif part is None:
            part = {}
        if self._validator.is_valid(part):
            return
        for error in self._validator.iter_errors(part):
            path = (*prefix, *map(str, error.instance_path))
            kind = error.kind.as_dict()
            names = kind.get("unexpected") or ([kind["property"]] if "property" in kind else [])
            if names:
                yield from ((*path, str(name)) for name in names)
            else:
                yield path


def _with_context(message: JsonObject, context: Any) -> JsonObject:
    own = message.get("context")
    if isinstance(context, dict) and context:
        own = merge_context(context, own) if isinstance(own, dict) else context
    return {**message, "context": own or {}}


def _order(path: Sequence[str]) -> tuple[tuple[int, str], ...]:
    return tuple((int(step) if step.isdigit() else -1, step) for step in path)


def _remove(message: JsonObject, path: Sequence[str]) -> None:
    """Remove a value, if it is there; never a field of the message itself."""
    if len(path) < 2:
        return
    container: Any = message
    for step in path[:-1]:
        container = _step(container, step)
    last = path[-1]
    if isinstance(container, dict):
        container.pop(last, None)
    elif isinstance(container, list) and last.isdigit() and int(last) < len(container):
        del container[int(last)]


def _step(container: Any, step: str) -> Any:
    if isinstance(container, Mapping):
        return container.get(step)
    if isinstance(container, list) and step.isdigit() and int(step) < len(container):
        return container[int(step)]
    return None
