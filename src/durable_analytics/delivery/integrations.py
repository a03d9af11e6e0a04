"""Integrations: the configured accounts at providers, with their policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from durable_analytics.delivery.routes import OPEN_ROUTE, Route
from durable_analytics.errors import UnknownIntegration, ValidationError, shorten
from durable_analytics.providers import Provider
from durable_analytics.wire.methods import integration_queue, is_integration_name
from durable_analytics.wire.policies import Policies, PolicyLimits


@dataclass(frozen=True, slots=True)
class Integration:
    """A name, an account at a provider, and its policies."""

    name: str
    provider: Provider
    policies: Policies | None = None
    allow_policies_override: bool = False
    """Whether the policies of an input apply."""

    policy_limits: PolicyLimits | None = None
    """The limits of any policies."""

    route: Route = OPEN_ROUTE
    """Which messages it gets, and with which values."""

    has_queue: bool = False
    """Whether this process polls the integration's own task queue."""

    longest_turn: timedelta | None = None
    """How long a request may wait for its turn; None if the rate of requests has no limit."""

    def task_queue(self, validation_queue: str) -> str:
        """Return the task queue of its requests.

        Args:
            validation_queue: The task queue that Validation runs on.
        """
        return (
            integration_queue(validation_queue, self.name) if self.has_queue else validation_queue
        )


@dataclass(frozen=True, slots=True)
class Integrations:
    """The integrations of a worker."""

    by_name: Mapping[str, Integration]
    default: str | None = None

    @property
    def have_transform(self) -> bool:
        """Whether one of them has a transform, which may take any time."""
        return any(one.route.transform for one in self.by_name.values())

    def all_of(self, names: Sequence[str]) -> list[Integration]:
        """Return the integrations of a fan-out.

        Args:
            names: The input's `deliver_to`.

        Raises:
            ValidationError: An integration is not configured.
        """
        for position, name in enumerate(names):
            if name not in self.by_name:
                known = ", ".join(sorted(self.by_name))
                raise ValidationError.at(
                    f"deliver_to.{position}",
                    f"is not a configured integration; configured: {known}",
                )
        return [self.by_name[name] for name in names]

    def find(self, name: Any, deliver_to: Any = None) -> Integration:
        """Return the integration that an input names, or the default, or the only one.

        Args:
            name: The input's `integration`, not checked yet.
            deliver_to: The input's `deliver_to`, if there is no plan for each of them.

        Raises:
            ValidationError: The name is not text, or the input names several integrations.
            UnknownIntegration: No integration has this name, or there is no name and no default.
        """
        if deliver_to is not None:
            raise ValidationError.at(
                "deliver_to", "needs the plan of Validation: set integration instead"
            )
        if name is not None and not isinstance(name, str):
            raise ValidationError.at("integration", "must be text")
        known = ", ".join(sorted(self.by_name)) or "none"
        if name is None:
            name = self.default or (next(iter(self.by_name)) if len(self.by_name) == 1 else None)
        if name is None:
            raise UnknownIntegration(
                "the input has no integration, and the worker has no default_integration; "
                f"configured: {known}"
            )
        if name not in self.by_name:
            close = get_close_matches(shorten(name), self.by_name, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            # Any other text may be a credential, or tell about a person.
            named = name if is_integration_name(name) else "that the input names"
            raise UnknownIntegration(
                f"the integration {named} is not configured; configured: {known}{hint}"
            )
        return self.by_name[name]
