"""Applies the settings of an integration to a message: filters, plans, transform and routing."""

import logging
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from durable_analytics.delivery.filters import NO_FILTERS, Filters
from durable_analytics.delivery.routing import Routing
from durable_analytics.errors import TransformationError, ValidationError
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import SourcePlan
from durable_analytics.wire.plans import Filtered

if TYPE_CHECKING:
    from durable_analytics.delivery.tracking_plan import OnViolation, TrackingPlan

log = logging.getLogger("durable_analytics.delivery")

Transform = Callable[[JsonObject, str], JsonObject | None]
"""A function of the operator. It gets a message, `{"type", …fields in snake_case…, "context"}`, and
the name of the integration, and returns the message to send instead, or None to send none. It must
be pure: it may run again for each attempt."""


class NotSentError(Exception):
    """A message is filtered: the settings of the integration exclude it."""

    def __init__(self, filtered: Filtered) -> None:
        super().__init__(filtered["reason"])
        self.filtered = filtered


@dataclass(frozen=True, slots=True)
class Route:
    """The settings that decide whether an integration gets a message, and change the message.

    The order is: filters, tracking plans, transform, routing.
    """

    filters: Filters = NO_FILTERS
    plans: "tuple[tuple[TrackingPlan, OnViolation], ...]" = ()
    """The tracking plans with their `on_violation`: first the source's, then the integration's."""

    transform: Transform | None = None
    routing: Routing | None = None
    hash_key: str = ""
    """The key for values that the routing hashes."""

    integration: str = ""
    """The name of the integration, for its transform."""

    @property
    def changes_messages(self) -> bool:
        """Whether the integration may get a message with other values than the input has."""
        omits = any(on_violation == "omit" for _, on_violation in self.plans)
        is_routed = self.routing is not None and self.routing.changes_values
        return self.transform is not None or omits or is_routed

    @property
    def needs_whole_messages(self) -> bool:
        """Whether it reads messages in snake_case, with `type` and their complete context."""
        return self.transform is not None or any(plan.describes_messages for plan, _ in self.plans)

    @property
    def reads_only_integrations(self) -> bool:
        """Whether a message without `integrations` passes unchanged."""
        filters = self.filters
        filters_people = filters.consent_categories or filters.suppressed
        return not (filters_people or self.plans or self.transform or self.routing)

    def select(
        self, method: str, message: JsonObject, context: Any, violations: Counter[str]
    ) -> JsonObject:
        """Return the message that the integration gets.

        Args:
            method: The key of the method.
            message: The message, in snake_case or camelCase; a whole one if the route needs it.
            context: The context of the input; empty for a whole message.
            violations: Counts the paths of values that do not match a tracking plan.

        Raises:
            NotSentError: The integration does not get it.
            ValidationError: The message does not match a tracking plan, or cannot be changed.
            TransformationError: The transform failed.
        """
        if filtered := self.filters.check(method, message, context):
            raise NotSentError(filtered)
        message = self._apply_transform(self._apply_plans(method, message, violations))
        if self.routing and (reason := self.routing.excludes(method, message, context)):
            raise NotSentError({"by": "routing", "reason": reason})
        return self._apply_routing(method, message)

    def change_selected(self, method: str, message: JsonObject) -> JsonObject:
        """Change a message that was selected earlier, in Validation; do not filter it again.

        Args:
            method: The key of the method.
            message: The message, as for `select`.

        Raises:
            ValidationError: The message does not match a tracking plan, or cannot be changed.
            TransformationError: The transform failed, or returned None this time.
        """
        try:
            message = self._apply_plans(method, message, Counter())
            return self._apply_routing(method, self._apply_transform(message))
        except NotSentError:
            raise TransformationError(
                f"the transform of {self.integration} is not pure: it returned None only now"
            ) from None

    def _apply_plans(
        self, method: str, message: JsonObject, violations: Counter[str]
    ) -> JsonObject:
        found: set[str] = set()
        for plan, on_violation in self.plans:
            message, paths = plan.apply(method, message, on_violation)
            found.update(paths)
        violations.update(found)
        return message

    def with_source_plan(self, plan: SourcePlan | None) -> "Route":
        """Return this route with the tracking plan of a source, if any, before the other plans.

        Raises:
            ValidationError: The schemas are not a tracking plan.
        """
        if plan is None:
            return self
        from durable_analytics.delivery.tracking_plan import read_plan  # noqa: PLC0415  # loads native code

        try:
            own = read_plan(to_json(plan.schemas))
        except ValueError as error:
            raise ValidationError.at("tracking_plan.schemas", f"is wrong: {error}") from None
        return replace(self, plans=((own, plan.on_violation), *self.plans))

    def _apply_routing(self, method: str, message: JsonObject) -> JsonObject:
        return (
            self.routing.change_values(method, message, self.hash_key) if self.routing else message
        )

    def _apply_transform(self, message: JsonObject) -> JsonObject:
        if self.transform is None:
            return message
        try:
            # A copy: a transform must not change the message that other integrations get.
            transformed = self.transform(
                from_json(to_json(message), cache_strings="keys"), self.integration
            )
        except (Exception, SystemExit) as error:  # noqa: BLE001  # it is the operator's code
            name = type(error).__name__
            where = traceback.format_tb(error.__traceback__)
            log.error(  # noqa: TRY400  # the exception's message may have user data
                "transform failed",
                extra={"integration": self.integration, "exception": name, "where": where},
            )
            raise self._failure(f"raised {name}; the worker's log has the location") from None
        if transformed is None:
            reason = f"the transform of {self.integration} returned None"
            raise NotSentError({"by": "transform", "reason": reason})
        if not isinstance(transformed, dict):
            raise self._failure(f"returned {type(transformed).__name__}, not a message or None")
        if transformed.get("type") != message.get("type"):
            raise self._failure("changed the type of the message")
        try:
            made: JsonObject = from_json(write_json(transformed), cache_strings="keys")
        except (ValidationError, ValueError):
            raise self._failure("returned a value that is not JSON") from None
        return made

    def _failure(self, reason: str) -> TransformationError:
        return TransformationError(f"the transform of {self.integration} {reason}")


OPEN_ROUTE = Route()
"""The route of an integration that gets all messages, unchanged."""
