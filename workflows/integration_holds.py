"""Why an integration is paused: one reason of each kind, of which one outranks the others."""

from datetime import datetime
from typing import get_args

from durable_analytics.wire.integration_state import RUNNING, Cause, IntegrationState

_RANKS: tuple[Cause, ...] = get_args(Cause)


class Holds:
    """The pauses of an integration that have not ended.

    Args:
        states: The states of an earlier run of the workflow.
    """

    def __init__(self, states: list[IntegrationState]) -> None:
        self._by_cause: dict[Cause, IntegrationState] = {}
        for state in states:
            self.add(state)

    def add(self, state: IntegrationState) -> None:
        """Pause; a pause of the same kind is replaced."""
        if state["by"] is not None:
            self._by_cause[state["by"]] = state

    def end(self) -> None:
        """End all pauses."""
        self._by_cause.clear()

    def end_expired(self, now: datetime) -> None:
        """End the pauses whose time is over."""
        for cause, state in list(self._by_cause.items()):
            if state["until"] and datetime.fromisoformat(state["until"]) <= now:
                del self._by_cause[cause]

    def next_end(self) -> datetime | None:
        """Return when the next pause ends by itself, or None."""
        ends = [state["until"] for state in self._by_cause.values() if state["until"]]
        return min((datetime.fromisoformat(end) for end in ends), default=None)

    def state(self) -> IntegrationState:
        """Return the pause of the highest rank, or the state of a running integration."""
        ranked = (self._by_cause[cause] for cause in _RANKS if cause in self._by_cause)
        return next(ranked, RUNNING)

    def as_json(self) -> list[IntegrationState]:
        """Return the states, for the next run of the workflow."""
        return list(self._by_cause.values())
