"""The way of a message to an integration: filters, the transform, and the routing."""

import logging
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from durable_analytics.delivery.filters import NO_FILTERS, Filters
from durable_analytics.delivery.routing import Routing
from durable_analytics.errors import TransformationError, ValidationError
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import SourcePlan
from durable_analytics.wire.plans import Filtered

if TYPE_CHECKING:
    from durable_analytics.delivery.tracking_plan import OnViolation, TrackingPlan

log = logging.getLogger("durable_analytics.delivery")

Transform = Callable[[JsonObject, str], JsonObject | None]
"""Returns the message that an integration gets instead of a message, or None if it gets none. It is
called with the message, `{"type", …fields in snake_case…, "context"}`, and the integration's name.
It must be pure: it may run again for each attempt."""


class NotSentError(Exception):
    """A message is rightly not sent to an integration."""

    def __init__(self, filtered: Filtered) -> None:
        super().__init__(filtered["reason"])
        self.filtered = filtered


@dataclass(frozen=True, slots=True)
class Route:
    """What decides whether an integration gets a message, and what it gets, in this order."""

    filters: Filters = NO_FILTERS
    plans: "tuple[tuple[TrackingPlan, OnViolation], ...]" = ()
    """The tracking plans: that of the source, and that of the integration."""

    transform: Transform | None = None
    routing: Routing | None = None
    hash_key: str = ""
    """The key for values that the routing hashes."""

    integration: str = ""
    """The name of the integration, for its transform."""

    @property
    def changes(self) -> bool:
        """Whether an integration may get another message than was sent."""
        omits = any(on_violation == "omit" for _, on_violation in self.plans)
        is_routed = self.routing is not None and self.routing.changes
        return self.transform is not None or omits or is_routed

    def select(
        self, method: str, message: JsonObject, context: Any, violations: Counter[str]
    ) -> JsonObject:
        """Return the message that the integration gets.

        Args:
            method: The key of its method.
            message: The message, with keys in either spelling; for a transform, in snake_case, with
                `type` and its complete context.
            context: The context of the input.
            violations: Gets the paths of values that break the tracking plan.

        Raises:
            NotSentError: The integration does not get it.
            ValidationError: The message breaks the tracking plan, or the routing cannot change it.
            TransformationError: The transform failed.
        """
        if filtered := self.filters.check(method, message, context):
            raise NotSentError(filtered)
        message = self._transformed(self._planned(method, message, context, violations))
        if self.routing and (reason := self.routing.excludes(method, message, context)):
            raise NotSentError({"by": "routing", "reason": reason})
        return self._changed(method, message)

    def change(self, method: str, message: JsonObject, context: Any) -> JsonObject:
        """Return the message that the integration gets; it was selected before.

        Args:
            method: The key of its method.
            message: The message, as for `select`.
            context: The context of the input.

        Raises:
            ValidationError: The routing cannot change the message.
            TransformationError: The transform failed.
        """
        try:
            message = self._planned(method, message, context, Counter())
            return self._changed(method, self._transformed(message))
        except NotSentError:
            raise TransformationError(
                f"the transform of {self.integration} is not pure: it returned None only now"
            ) from None

    def _planned(
        self, method: str, message: JsonObject, context: Any, violations: Counter[str]
    ) -> JsonObject:
        found: set[str] = set()
        for plan, on_violation in self.plans:
            message, paths = plan.apply(method, message, context, on_violation)
            found.update(paths)
        violations.update(found)
        return message

    def of_source(self, plan: SourcePlan | None) -> "Route":
        """Return the route for the messages of a source with this tracking plan.

        Raises:
            ValidationError: It is not a plan.
        """
        if plan is None:
            return self
        from durable_analytics.delivery.tracking_plan import read_plan  # noqa: PLC0415  # Rust

        try:
            own = read_plan(to_json(plan.schemas))
        except ValueError as error:
            raise ValidationError.at("tracking_plan.schemas", str(error)) from None
        return replace(self, plans=((own, plan.on_violation), *self.plans))

    def _changed(self, method: str, message: JsonObject) -> JsonObject:
        return self.routing.changed(method, message, self.hash_key) if self.routing else message

    def _transformed(self, message: JsonObject) -> JsonObject:
        if self.transform is None:
            return message
        try:
            # A copy: it must not change what other integrations get.
            transformed = self.transform(
                from_json(to_json(message), cache_strings="keys"), self.integration
            )
        except Exception as error:  # noqa: BLE001  # it is the operator's code
            name = type(error).__name__
            where = traceback.format_tb(error.__traceback__)
            log.error(  # noqa: TRY400  # without its message, which may have user data
                "transform failed",
                extra={"integration": self.integration, "exception": name, "where": where},
            )
            raise self._failed(f"raised {name}; the worker's log has the location") from None
        if transformed is None:
            reason = f"the transform of {self.integration} returned None"
            raise NotSentError({"by": "transform", "reason": reason})
        if not isinstance(transformed, dict):
            raise self._failed(f"returned {type(transformed).__name__}, not a message or None")
        if transformed.get("type") != message.get("type"):
            raise self._failed("changed the type of the message")
        try:
            made: JsonObject = from_json(to_json(transformed), cache_strings="keys")
        except (PydanticSerializationError, ValueError, RecursionError):
            raise self._failed("returned a value that is not JSON") from None
        return made

    def _failed(self, reason: str) -> TransformationError:
        return TransformationError(f"the transform of {self.integration} {reason}")


OPEN_ROUTE = Route()
"""The route to an integration that gets all messages, unchanged."""
