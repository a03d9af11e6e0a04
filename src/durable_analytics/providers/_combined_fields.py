"""Values of a message for which a provider has one field: they are combined, or they conflict."""

from collections.abc import Iterator, Mapping
from typing import Any

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers._unsupported_fields import UnsupportedFields
from durable_analytics.wire.messages import JsonObject, Message

_NO_PATHS: Mapping[str, str] = {}


class CombinedFields(UnsupportedFields):
    """The part of a provider that combines values for which the vendor has one field."""

    def merge_fields(self, delivery: Delivery[Message], target: str, *names: str) -> JsonObject:
        """Return the properties or traits of a message, with fields of the message added.

        Args:
            delivery: The message.
            target: "properties" or "traits".
            names: The fields to add; their names become the keys.

        Raises:
            ValidationError: The input is strict, and a key has another value than the field of the
                same name.
        """
        merged: JsonObject = dict(getattr(delivery.message, target) or {})
        for name, value in delivery.given(*names).items():
            if value is None or merged.setdefault(name, value) == value:
                continue
            if delivery.strict:
                raise ValidationError.at(
                    f"{delivery.method}.{target}.{name}",
                    f"conflicts with {delivery.method}.{name}: {self.title} has one field for "
                    "both; remove one",
                )
            delivery.left_out.add(name)
        return merged

    def combine(
        self,
        delivery: Delivery[Message],
        values: JsonObject,
        others: JsonObject,
        path: str,
        paths: Mapping[str, str] = _NO_PATHS,
    ) -> JsonObject:
        """Return two objects as one; refuse or leave out other values that conflict.

        Args:
            delivery: The message.
            values: The values that have priority.
            others: The other values.
            path: The complete path of the object with the other values, like "context.traits".
            paths: The complete paths of other values that are elsewhere in the input, by their key.

        Raises:
            ValidationError: The input is strict, and both have different values for a key.
        """
        conflicts = _conflicting_paths(values, others, path, paths)
        self.refuse_or_leave_out(delivery, (FieldProblem(p, self.conflict) for p in conflicts))
        return {**others, **values}

    def with_defaults(
        self,
        delivery: Delivery[Message],
        values: JsonObject,
        defaults: JsonObject,
        path: str,
        paths: Mapping[str, str] = _NO_PATHS,
    ) -> JsonObject:
        """Return two objects as one, as `combine` does, but never refuse the other values.

        They are defaults, like those of a context: what conflicts is left out.
        """
        self._leave_out(delivery, _conflicting_paths(values, defaults, path, paths))
        return {**defaults, **values}

    def with_context_traits(
        self, delivery: Delivery[Message], traits: JsonObject, context_traits: Any
    ) -> JsonObject:
        """Return the traits of a message and of its context; those of the message have priority.

        Traits of the context that are not sent, or that are no object, are left out.
        """
        if context_traits is None or isinstance(context_traits, dict):
            return self.with_defaults(delivery, traits, context_traits or {}, "context.traits")
        delivery.left_out.add("context.traits")
        return traits

    def single_group_id(self, delivery: Delivery[Message], own: str | None, other: Any) -> Any:
        """Return the id of the group or the company of a message, or else that of the context.

        Args:
            delivery: The message.
            own: The id in the message.
            other: The id in the context, which is left out if the message has another one.

        Raises:
            ValidationError: The input is strict, and a group has another id in the context.
        """
        if own and other is not None:
            merge = self.combine if delivery.method == "group" else self.with_defaults
            merge(delivery, {"group_id": own}, {"group_id": other}, "context")
        return own or other


def _conflicting_paths(
    values: JsonObject, others: JsonObject, path: str, paths: Mapping[str, str]
) -> Iterator[str]:
    """Yield the complete paths of the other values that differ from the value of the same key."""
    for name, value in others.items():
        if values.get(name, value) != value:
            yield paths.get(name, f"{path}.{name}")


def replaced_values(path: str, value: Any, present: Any) -> Iterator[str]:
    """Yield the paths of the values that are lost if a value is merged into the one at a path.

    >>> [*replaced_values("traits", {"plan": "pro"}, {"plan": "free", "age": 36})]
    ['traits.plan']
    >>> [*replaced_values("traits", {"plan": "pro"}, "text")]
    ['traits']
    """
    if present is None or present == value:
        return
    if not isinstance(value, dict) or not isinstance(present, dict):
        yield path
        return
    for name, item in present.items():
        if value.get(name, item) != item:
            yield f"{path}.{name}"
