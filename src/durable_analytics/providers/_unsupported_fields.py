"""Refuses or leaves out fields and values that a provider does not support."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic.alias_generators import to_snake

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.wire.messages import JsonObject, Message

_CLOCK_SKEW = timedelta(minutes=1)
"""A timestamp that differs from the current time by at most this much counts as now."""


ContextPaths = Mapping[str, str | tuple[str, ...]]
"""Fields of a provider, and the path in the context, or several paths, of each."""


class UnsupportedFields:
    """The part of a provider that refuses or leaves out unsupported fields.

    If the input is strict, an unsupported field is an error. With `"strict": false`, the field is
    left out and listed in the output. Null means "not set".
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
        self._refuse_paths(delivery, (f"{delivery.method}.{name}" for name in given))
        delivery.left_out.update(delivery.unchecked)

    def refuse_context(self, delivery: Delivery[Message], *taken: str) -> None:
        """Refuse or leave out the context, except `library`, which only names the client library.

        Args:
            delivery: The message.
            taken: The fields of the context that the request does contain.
        """
        names = (
            f"context.{name}"
            for name, value in delivery.context.items()
            if value is not None and name not in taken and not _is_library(name, value)
        )
        self._refuse_paths(delivery, names)

    def refuse_or_leave_out(
        self, delivery: Delivery[Message], problems: Iterable[FieldProblem]
    ) -> None:
        """Refuse fields with problems if the input is strict; otherwise report them as left out.

        Args:
            delivery: The message.
            problems: The problem of each field, with the complete path, like "track.properties.x".

        Raises:
            ValidationError: The input is strict and there is a problem.
        """
        problems = sorted(problems, key=lambda problem: problem.path)
        if delivery.strict and problems:
            raise ValidationError.of(problems)
        self._leave_out(delivery, (problem.path for problem in problems))

    def _leave_out(self, delivery: Delivery[Message], paths: Iterable[str]) -> None:
        """Report fields as left out, by their complete paths, like "track.properties.x"."""
        prefix = f"{delivery.method}."
        delivery.left_out.update(path.removeprefix(prefix) for path in paths)

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

    def take_context(self, delivery: Delivery[Message], sources: ContextPaths) -> JsonObject:
        """Return the supported fields of the context; refuse or leave out the others.

        Args:
            delivery: The message.
            sources: For each field of the provider, the path of its value in the context, in
                snake_case, like `{"app_version": "app.version"}`. Of several paths, the first that
                has a value is used.

        Returns:
            The value of each field of the provider, without fields that have no value.
        """
        paths_of = {f: (p,) if isinstance(p, str) else p for f, p in sources.items()}
        supported = {path for paths in paths_of.values() for path in paths}
        objects = {path.partition(".")[0] for path in supported if "." in path}
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
        unsupported = [
            path_in_input
            for path, path_in_input in paths_in_input.items()
            if path not in supported
            and not path.startswith("library.")
            and not _is_library(path, values[path])
        ]
        self._refuse_paths(delivery, unsupported)
        self.refuse_or_leave_out(delivery, (FieldProblem(path, self.conflict) for path in repeated))
        used = {f: next((p for p in paths if p in values), "") for f, paths in paths_of.items()}
        taken = {field: values[path] for field, path in used.items() if path}
        unused = (supported & values.keys()) - {*used.values()}
        self._leave_out(
            delivery, (paths_in_input[p] for p in unused if values[p] not in taken.values())
        )
        return taken

    def refuse_timestamp(
        self, delivery: Delivery[Message], now: datetime, *, is_given: bool
    ) -> None:
        """Refuse or leave out a timestamp, because the provider uses the time of arrival instead.

        Args:
            delivery: The message.
            now: The time that the provider would use.
            is_given: Whether the caller set the timestamp; otherwise the client set it.

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

    @property
    def conflict(self) -> str:
        """The error of two different values that would become the same field at the provider."""
        return f"conflicts with another field: {self.title} has one field for both; remove one"

    def _refuse_paths(self, delivery: Delivery[Message], paths: Iterable[str]) -> None:
        """Refuse or leave out fields that the provider does not have."""
        reason = f"cannot be sent: {self.title} has no field for it; remove it"
        self.refuse_or_leave_out(delivery, (FieldProblem(path, reason) for path in paths))


def _is_library(name: str, value: Any) -> bool:
    return name == "library" and isinstance(value, dict)
