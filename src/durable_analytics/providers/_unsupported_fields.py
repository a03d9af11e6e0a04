"""Fields and values that a provider does not support: they are refused, or left out."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic.alias_generators import to_snake

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.wire.field_types import is_filled
from durable_analytics.wire.messages import JsonObject, Message, PersonMessage

PLACEHOLDER_IDS = frozenset(
    {
        "anonymous",
        "nil",
        "none",
        "null",
        "n/a",
        "na",
        "undefined",
        "unknown",
        "{}",
        "0",
        "-1",
        "00000000-0000-0000-0000-000000000000",
    }
)
"""Ids, in lower case, that providers refuse or drop: different people would share them."""

_NO_PATHS: Mapping[str, str] = {}

_CLOCK_SKEW = timedelta(minutes=1)
"""The largest difference between a timestamp and now that counts as now."""


def single_new_id(new_user_id: str | list[str], title: str) -> str:
    """Return the new id of an alias, for a provider that accepts one id.

    Args:
        new_user_id: The new id, or a list of new ids.
        title: The name of the provider.

    Raises:
        ValidationError: The alias has a list of new ids.
    """
    if isinstance(new_user_id, str):
        return new_user_id
    raise ValidationError.at("alias.new_user_id", f"must be one id, not a list, at {title}")


class UnsupportedFields:
    """The part of a provider that refuses or leaves out unsupported fields.

    A strict input is refused. With `"strict": false`, the field is left out and listed in the
    output. Null means "not set".
    """

    title: ClassVar[str]

    timestamped_methods: ClassVar[frozenset[str]] = frozenset()
    """The methods whose requests contain the timestamp of the message."""

    def refuse_fields(self, delivery: Delivery[Message], *names: str) -> None:
        """Refuse or leave out these fields of a message.

        Raises:
            ValidationError: The input is strict and one of these fields is set, or a field that the
                provider supports has a wrong value.
        """
        is_timestamped = delivery.method in self.timestamped_methods
        unsupported = {*names, *(() if is_timestamped else ("timestamp",))}
        problems = [p for name, p in delivery.problems.items() if name not in unsupported]
        if problems:
            raise ValidationError.of(problems)
        given = {name for name, value in delivery.given(*names).items() if value is not None}
        self._leave_out(delivery, (f"{delivery.method}.{name}" for name in given))
        delivery.left_out.update(delivery.unchecked)

    def refuse_context(self, delivery: Delivery[Message], *taken: str) -> None:
        """Refuse or leave out the context, but for `library`, which names only the client library.

        Args:
            delivery: The message.
            taken: The fields of the context that the request contains.
        """
        names = (
            f"context.{name}"
            for name, value in delivery.context.items()
            if value is not None and name not in taken and not _is_library(name, value)
        )
        self._leave_out(delivery, names)

    def refuse_or_leave_out(
        self, delivery: Delivery[Message], problems: Iterable[FieldProblem]
    ) -> None:
        """Refuse fields with problems if the input is strict, otherwise report them as left out.

        Args:
            delivery: The message.
            problems: The problem of each field, with the complete path, like "track.properties.x".

        Raises:
            ValidationError: The input is strict and there is a problem.
        """
        problems = sorted(problems, key=lambda problem: problem.path)
        if delivery.strict and problems:
            raise ValidationError.of(problems)
        prefix = f"{delivery.method}."
        delivery.left_out.update(problem.path.removeprefix(prefix) for problem in problems)

    def supported_values(
        self,
        delivery: Delivery[Message],
        target: str,
        values: JsonObject,
        problems: Mapping[str, str],
    ) -> JsonObject:
        """Return the values without problems; refuse or leave out the others.

        Args:
            delivery: The message.
            target: The field that contains the values, like "properties".
            values: The values.
            problems: What is wrong with a value, by its key.

        Raises:
            ValidationError: The input is strict and there is a problem.
        """
        path = f"{delivery.method}.{target}"
        self.refuse_or_leave_out(
            delivery, (FieldProblem(f"{path}.{name}", text) for name, text in problems.items())
        )
        return {name: value for name, value in values.items() if name not in problems}

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
        problems = (
            FieldProblem(paths.get(name, f"{path}.{name}"), self.conflict)
            for name, value in others.items()
            if values.get(name, value) != value
        )
        self.refuse_or_leave_out(delivery, problems)
        return {**others, **values}

    @property
    def conflict(self) -> str:
        """The problem of a value for whose field at the provider there is another value."""
        return f"conflicts with another field: {self.title} has one field for both; remove one"

    def with_defaults(
        self,
        delivery: Delivery[Message],
        values: JsonObject,
        defaults: JsonObject,
        path: str,
        paths: Mapping[str, str] = _NO_PATHS,
    ) -> JsonObject:
        """Return two objects as one; report different defaults, like a context's, as left out.

        Args:
            delivery: The message.
            values: The values that have priority.
            defaults: The other values.
            path: As for `combine`.
            paths: As for `combine`.
        """
        prefix = f"{delivery.method}."
        delivery.left_out.update(
            paths.get(name, f"{path}.{name}").removeprefix(prefix)
            for name, value in defaults.items()
            if values.get(name, value) != value
        )
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
        if not own:
            return other
        if other not in (None, own) and delivery.method == "group":
            problem = FieldProblem("context.group_id", self.conflict)
            self.refuse_or_leave_out(delivery, [problem])
        elif other not in (None, own):
            delivery.left_out.add("context.group_id")
        return own

    def take_context(self, delivery: Delivery[Message], sources: Mapping[str, str]) -> JsonObject:
        """Return the supported fields of the context; refuse or leave out the others.

        Args:
            delivery: The message.
            sources: The path in the context, in snake_case, of the value of each field of the
                provider, like `{"app_version": "app.version"}`.

        Returns:
            The values by the provider's fields; fields without a value are missing.
        """
        objects = {path.partition(".")[0] for path in sources.values() if "." in path}
        values: dict[str, Any] = {}
        paths_in_input: dict[str, str] = {}
        repeated: list[str] = []
        for name, value in delivery.context.items():
            path, inner = to_snake(name), {}
            if path in objects and isinstance(value, dict):
                inner = {f"{path}.{to_snake(key)}": (f".{key}", v) for key, v in value.items()}
            for inner_path, (suffix, item) in (inner or {path: ("", value)}).items():
                path_in_input = f"context.{name}{suffix}"
                if item is None:
                    continue
                if values.setdefault(inner_path, item) == item:
                    paths_in_input[inner_path] = path_in_input
                else:
                    repeated.append(path_in_input)
        supported = {*sources.values()}
        unsupported = [
            path_in_input
            for path, path_in_input in paths_in_input.items()
            if path not in supported
            and not path.startswith("library.")
            and not _is_library(path, values[path])
        ]
        self._leave_out(delivery, unsupported)
        self.refuse_or_leave_out(delivery, (FieldProblem(path, self.conflict) for path in repeated))
        return {field: values[path] for field, path in sources.items() if path in values}

    def id_problem(self, value: str) -> str:
        """Return why the provider does not accept the id of a person; "" if it accepts the id."""
        del value
        return ""

    def check_ids(self, delivery: Delivery[Message], *names: str) -> None:
        """Check the ids in these fields, each of which the provider needs.

        Raises:
            ValidationError: The provider does not accept one of them.
        """
        problems = self._id_problems(delivery, delivery.given(*names))
        if problems:
            raise ValidationError.of(problems.values())

    def accepted_ids(self, delivery: Delivery[PersonMessage]) -> tuple[str | None, str | None]:
        """Return the user id and the anonymous id of a message; None for an id that is not set.

        Without `strict`, an id that the provider does not accept is left out.

        Raises:
            ValidationError: The provider does not accept an id of a strict input, or it accepts
                none of the ids.
        """
        names = ("user_id", "anonymous_id")
        given = {n: v for n, v in delivery.given(*names).items() if is_filled(v)}
        problems = self._id_problems(delivery, given)
        if problems and (delivery.strict or problems.keys() == given.keys()):
            raise ValidationError.of(problems.values())
        delivery.left_out.update(problems)
        user_id, anonymous_id = (None if n in problems else given.get(n) for n in names)
        return user_id, anonymous_id

    def single_id(self, delivery: Delivery[PersonMessage]) -> tuple[str | None, str | None]:
        """Return the user id, or the anonymous id, for a provider that accepts one of them.

        If both are set, the anonymous id is refused or left out.

        Returns:
            The user id and the anonymous id; one of them is None.

        Raises:
            ValidationError: The input is strict and has both ids.
        """
        person = delivery.message
        if not is_filled(person.user_id):
            return None, person.anonymous_id
        if is_filled(person.anonymous_id):
            reason = (
                f"cannot be sent beside user_id: {self.title} accepts one id; "
                "remove it, or send an alias"
            )
            problem = FieldProblem(f"{delivery.method}.anonymous_id", reason)
            self.refuse_or_leave_out(delivery, [problem])
        return person.user_id, None

    def _id_problems(
        self, delivery: Delivery[Message], ids: Mapping[str, str]
    ) -> dict[str, FieldProblem]:
        return {
            name: FieldProblem(f"{delivery.method}.{name}", problem)
            for name, id_ in ids.items()
            if (problem := self.id_problem(id_))
        }

    def refuse_timestamp(
        self, delivery: Delivery[Message], now: datetime, *, is_given: bool
    ) -> None:
        """Refuse or leave out a time that the provider would replace with its own time.

        Args:
            delivery: The message.
            now: The time that the provider would use instead.
            is_given: Whether the caller set the time; otherwise a client that stored the message
                set it.

        Raises:
            ValidationError: The input is strict and the caller set a time that is not now.
        """
        if delivery.message.timestamp is None or delivery.method in self.timestamped_methods:
            return
        time = datetime.fromisoformat(delivery.message.timestamp)
        if delivery.strict and is_given and abs(time - now) > _CLOCK_SKEW:
            raise ValidationError.at(
                f"{delivery.method}.timestamp",
                f"cannot be sent: {self.title} uses the time of arrival; remove it",
            )
        delivery.left_out.add("timestamp")

    def _leave_out(self, delivery: Delivery[Message], paths: Iterable[str]) -> None:
        """Refuse or leave out fields that the provider does not have."""
        reason = f"cannot be sent: {self.title} has no field for it; remove it"
        self.refuse_or_leave_out(delivery, (FieldProblem(path, reason) for path in paths))


def _is_library(name: str, value: Any) -> bool:
    return name == "library" and isinstance(value, dict)


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
