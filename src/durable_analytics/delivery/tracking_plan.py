"""Tracking plans: a JSON Schema for each event, against which messages are checked."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import jsonschema_rs
from pydantic_core import from_json, to_json

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.wire.messages import JsonObject

OnViolation = Literal["allow", "omit", "block"]

_NON_EVENT_KEYS = ("identify", "group", "common")
"""The keys of a plan that are not events: two methods without events, and all messages."""

_MESSAGE_FIELDS = ("properties", "traits", "context")

_EXEMPT_METHODS = frozenset({"call", "delete"})
"""Methods to which no plan applies."""

_PATH_LIMIT_CHARACTERS = 100


class TrackingPlan:
    """The schemas of a plan (JSON Schema, draft 7).

    A schema whose own `properties` contain `properties`, `traits` or `context` describes the whole
    message, as in Segment's plans. Any other schema describes the properties of a message, or the
    traits of an `identify` or a `group`.

    Args:
        plan: An object with a schema for each event: by its name, at the top level or in the object
            `events`. The keys `identify` and `group` are for these methods, and `common` is for all
            messages.

    Raises:
        ValueError: The plan is not such an object, or a schema is not valid.
    """

    def __init__(self, plan: Any) -> None:
        if not isinstance(plan, dict):
            raise ValueError("must be an object with a JSON Schema for each event")  # noqa: TRY004  # a setting
        events = plan.get("events", {})
        if not isinstance(events, dict):
            raise ValueError("events must be an object with a JSON Schema for each event")  # noqa: TRY004
        named = {
            name: schema
            for name, schema in plan.items()
            if name not in ("events", *_NON_EVENT_KEYS)
        }
        self._events = {
            name: _Schema(f"the event {name}", schema)
            for name, schema in {**named, **events}.items()
        }
        self._other_schemas = {
            name: _Schema(name, plan[name]) for name in _NON_EVENT_KEYS if name in plan
        }

    @property
    def describes_messages(self) -> bool:
        """Whether a schema is for whole messages."""
        schemas = (*self._events.values(), *self._other_schemas.values())
        return any(schema.describes_message for schema in schemas)

    def check(self, method: str, message: JsonObject) -> Iterator[tuple[str, ...]]:
        """Yield the paths, inside the message, of the values that do not match the plan.

        Args:
            method: The key of the method.
            message: The message; if a schema is for whole messages, in snake_case, with `type` and
                the complete context.
        """
        if method in _EXEMPT_METHODS:
            return
        event = message.get("event")
        schemas = [
            self._events.get(event) if isinstance(event, str) else self._other_schemas.get(method)
        ]
        schemas.append(self._other_schemas.get("common"))
        field_name = "traits" if method in ("identify", "group") else "properties"
        seen: set[tuple[str, ...]] = set()
        for schema in schemas:
            for path in schema.check(message, field_name) if schema else ():
                if path not in seen:
                    seen.add(path)
                    yield path

    def apply(
        self, method: str, message: JsonObject, on_violation: OnViolation
    ) -> tuple[JsonObject, list[str]]:
        """Return the message to send, and the paths of the values that do not match the plan.

        Args:
            method: The key of the method.
            message: The message, as for `check`. Changes are made to a copy of it.
            on_violation: "block" raises an error. "omit" removes the values that do not match, and
                only reports missing values. "allow" returns the message unchanged.

        Raises:
            ValidationError: The message does not match the plan, and `on_violation` is "block".
        """
        paths = list(self.check(method, message))
        if not paths:
            return message, []
        shown = [".".join((method, *path))[:_PATH_LIMIT_CHARACTERS] for path in paths]
        if on_violation == "block":
            raise ValidationError.of(
                FieldProblem(path, "does not match the tracking plan") for path in shown
            )
        if on_violation == "omit":
            message = from_json(to_json(message))
            # From the last to the first: to remove an item shifts the indexes of later items.
            for path in sorted(paths, key=_sort_key, reverse=True):
                _remove(message, path)
        return message, shown


@lru_cache(maxsize=32)
def read_plan(content: bytes) -> TrackingPlan:
    """Return the tracking plan that is encoded in this JSON.

    Raises:
        ValueError: It is not a tracking plan.
    """
    return TrackingPlan(from_json(content))


class _Schema:
    """One schema, and the part of a message that it describes."""

    def __init__(self, name: str, schema: Any) -> None:
        try:
            # Offline: a `$ref` to a URL or a file is an error. Without backtracking, a pattern
            # takes no longer than the text that it matches.
            self._validator = jsonschema_rs.Draft7Validator(
                schema, offline=True, pattern_options=jsonschema_rs.RegexOptions()
            )
        except jsonschema_rs.ValidationError as error:
            reason = _describe(error)
            raise ValueError(f"{name}: is not a valid JSON Schema, draft 7{reason}") from None
        except (jsonschema_rs.ReferencingError, ValueError, TypeError):
            raise ValueError(f"{name}: is not a valid JSON Schema, draft 7") from None
        described = schema.get("properties") if isinstance(schema, dict) else None
        self.describes_message = isinstance(described, dict) and not described.keys().isdisjoint(
            _MESSAGE_FIELDS
        )
        """Whether it is for the whole message."""

    def check(self, message: JsonObject, field_name: str) -> Iterator[tuple[str, ...]]:
        """Yield the paths, inside the message, of the values that do not match the schema."""
        part: Any = message.get(field_name)
        prefix: tuple[str, ...] = (field_name,)
        if self.describes_message:
            part, prefix = message, ()
        elif part is None or part == []:  # PHP's empty object
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


def _describe(error: jsonschema_rs.ValidationError) -> str:
    """Return where a schema is wrong, and why if that is not plain."""
    kind = error.kind.as_dict()
    if "error" in kind:
        return ": a $ref must point to a part of the same schema"
    path = ".".join(map(str, error.instance_path))[:_PATH_LIMIT_CHARACTERS]
    at = f" (at {path})" if path else ""
    return f"{at}: the pattern is wrong, or has a lookaround" if "format" in kind else at


def _index(step: str) -> int:
    """Return the index that a step of a path is in a list; -1 if it is none."""
    return int(step) if step.isascii() and step.isdecimal() and len(step) < 10 else -1


def _sort_key(path: Sequence[str]) -> tuple[tuple[int, str], ...]:
    return tuple((_index(step), step) for step in path)


def _remove(message: JsonObject, path: Sequence[str]) -> None:
    """Remove the value at a path, if there is one; a top-level field is never removed."""
    if len(path) < 2:
        return
    container: Any = message
    for step in path[:-1]:
        container = _child(container, step)
    last = path[-1]
    if isinstance(container, dict):
        container.pop(last, None)
    elif isinstance(container, list) and 0 <= _index(last) < len(container):
        del container[_index(last)]


def _child(container: Any, step: str) -> Any:
    if isinstance(container, Mapping):
        return container.get(step)
    if isinstance(container, list) and 0 <= _index(step) < len(container):
        return container[_index(step)]
    return None
