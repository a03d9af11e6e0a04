"""What one process has seen of an integration's provider, and whether requests must wait for it.

It counts, and decides when to report a change. It does no I/O.
"""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from activities.failure_window import FailureWindow
from durable_analytics.wire.health_reports import HealthReport
from durable_analytics.wire.integration_state import (
    RUNNING,
    Cause,
    IntegrationState,
    WorkerCause,
    paused,
)
from durable_analytics.wire.operator_events import LEVELS

Listener = Callable[[HealthReport | None], None]
"""Called with a change that all workers must know; with None if attempts fail, so that this process
asks what the others know. It returns at once."""

_LONG_WAIT = timedelta(seconds=1)
"""A message that waited on the task queue for so long may have been held there, and may be given
out as a probe."""

SHORTEST_SHARED_WAIT = timedelta(seconds=2)
"""A shorter `Retry-After` concerns only the message that got it: it would be over before all
workers know of it."""

_MOST_PROBES = 4
"""The messages of this process that may probe at once."""

_REPORT_TIME = timedelta(seconds=5)
"""The time in which the result of a probe reaches the control workflow."""

_LONGEST_OPEN_SECONDS = 600.0
"""The longest time between two probes, and the time between two with refused credentials."""

_UNTIL_TOLERANCE_SECONDS = 1.0
_WINDOW_SECONDS = 30.0

_IN_DOUBT_SECONDS = 3.0
"""After a report, for so long an earlier state may still be read from Temporal."""


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When the breaker opens."""

    failure_share: float
    minimum: int
    """The attempts in the window, below which it does not open."""

    window: timedelta
    open_for: timedelta
    """The time until the first probe."""


class Held(Exception):
    """A request must not be sent now: the integration is paused, or the worker ends.

    Args:
        state: Why the integration is paused; None if the worker ends.
        rest: How long the pause lasts, if it is known.
    """

    def __init__(
        self, state: IntegrationState | None = None, rest: timedelta | None = None
    ) -> None:
        super().__init__(state["reason"] if state else "the worker ends")
        self.state = state
        self.rest = rest

    @property
    def by(self) -> str:
        """What holds the request back."""
        return (self.state["by"] or "") if self.state else "shutdown"


class ProviderHealth:
    """What one process has seen of a provider.

    Args:
        breaker: The limits of the breaker; None if there is none.
        pause_after_unauthorized: The responses 401 or 403 in a row that pause; 0 for never.
        clock: The seconds since 1970.
    """

    def __init__(
        self,
        breaker: BreakerLimits | None,
        pause_after_unauthorized: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.listener: Listener = lambda _: None
        self.ask: Callable[[], Awaitable[None]] | None = None
        """Asks Temporal what other processes have seen."""

        self.on_level: Callable[[int, str], None] = lambda *_: None
        """Called with each of `LEVELS` that the failed attempts have newly reached, and why."""

        self._breaker = breaker
        self._pause_after_unauthorized = pause_after_unauthorized
        self._clock = clock
        self._window = FailureWindow(breaker.window.total_seconds() if breaker else _WINDOW_SECONDS)
        self._unauthorized: defaultdict[str, int] = defaultdict(int)
        """Responses 401 or 403 since the last success, by the name of the credentials."""

        self._state: IntegrationState = RUNNING
        self._until: float | None = None
        self._open_seconds = 0.0
        self._level = 0
        """The highest of `LEVELS` that the attempts of the window have reached."""

        self._probes = 0
        self._in_doubt_until = 0.0

    async def ask_others(self, waited: timedelta) -> None:
        """Learn of a pause that other processes know, if a message comes from a held task queue.

        Args:
            waited: How long the message has waited on its task queue.
        """
        if self.ask and self._state is RUNNING and waited >= _LONG_WAIT:
            await self.ask()

    def enter(self, deadline: timedelta, *, may_probe: bool = True) -> bool:
        """Begin a request; `leave` must follow.

        Args:
            deadline: How long it may take.
            may_probe: Whether its response says something about the provider.

        Returns:
            Whether it is a probe.

        Raises:
            Held: It must not be sent.
        """
        self.check(may_probe=may_probe)
        is_probe = self._state["state"] == "probing"
        self._probes += is_probe
        if is_probe and self._probes == 1:
            self._report_probe(deadline)
        return is_probe

    def check(self, *, may_probe: bool = True) -> None:
        """Check that a request may begin now.

        Args:
            may_probe: Whether its response says something about the provider.

        Raises:
            Held: It must not be sent.
        """
        if self._state is RUNNING:
            return
        self._move_on()
        state, can_probe = self._state["state"], may_probe and self._probes < _MOST_PROBES
        if state == "paused" or (state == "probing" and not can_probe):
            raise Held(self._state, self._rest())

    def leave(self, *, is_probe: bool) -> None:
        """End a request."""
        self._probes -= is_probe

    def succeeded(self, credentials: str, *, is_probe: bool) -> None:
        """Count a message that the provider has accepted."""
        self._window.add(self._clock(), failed=False)
        self._lower_level()
        if self._unauthorized:
            self._unauthorized.pop(credentials, None)
        if is_probe:
            self._end_probing()

    def available(self, *, is_probe: bool) -> None:
        """Count a response that is no success, but shows that the provider is available."""
        self._window.add(self._clock(), failed=False)
        self._lower_level()
        if is_probe and self._is_probing("breaker"):
            self._end_probing()

    def unauthorized(self, credentials: str, reason: str, *, is_probe: bool) -> None:
        """Count a 401 or 403.

        Args:
            credentials: The name of the credentials.
            reason: What the provider responded.
            is_probe: Whether the request was a probe.
        """
        self.available(is_probe=is_probe)
        self._unauthorized[credentials] += 1
        count, most = self._unauthorized[credentials], self._pause_after_unauthorized
        is_refused_again = is_probe and self._is_probing("credentials")
        if most and (is_refused_again or (count >= most and self._state["by"] != "credentials")):
            text = f"{count} times in a row without a success: {reason}"
            self._open("credentials", text, _LONGEST_OPEN_SECONDS)
        else:
            self.listener(None)

    def unavailable(self, reason: str, *, is_probe: bool) -> None:
        """Count an attempt that found the provider unavailable."""
        now = self._clock()
        self._window.add(now, failed=True)
        limits = self._breaker
        if limits and is_probe and self._is_probing("breaker"):
            self._open("breaker", f"a probe failed: {reason}", limits.open_for.total_seconds())
            return
        total, failed = self._window.counts(now)
        is_over = limits and total >= limits.minimum and failed >= limits.failure_share * total
        if limits and is_over and self._state["by"] != "breaker":
            seconds = limits.open_for.total_seconds()
            self._open(
                "breaker", f"{failed} of {total} attempts failed; the last: {reason}", seconds
            )
        else:
            # The breaker has not opened.
            self._raise_level(min(self._percent(), LEVELS[-2]), reason)
            self.listener(None)

    def asked_to_wait(self, reason: str, wait: timedelta) -> None:
        """Hold back all messages, because the provider asks to wait."""
        now = self._clock()
        until = now + wait.total_seconds()
        is_known = self._state["state"] == "paused" and (
            self._until is None or until <= self._until + _UNTIL_TOLERANCE_SECONDS
        )
        if wait < SHORTEST_SHARED_WAIT or is_known:
            return
        ends = datetime.fromtimestamp(until, UTC)
        self._hold("retry_after", reason, wait)
        self.listener(HealthReport.failing("retry_after", reason, until=ends))

    def gone(self, reason: str) -> None:
        """Hold back all messages, because the provider wants no more of them."""
        if self._state["by"] != "provider":
            self._hold("provider", reason, None)
            self.listener(HealthReport.failing("provider", reason))

    def learn(self, state: IntegrationState) -> None:
        """Take the state that Temporal has, which all workers share."""
        if self._clock() < self._in_doubt_until:
            return
        if state["by"] is None:
            self._end()
        elif state != self._state:
            self._state = state
            self._until = (
                datetime.fromisoformat(state["until"]).timestamp() if state["until"] else None
            )

    def is_troubled(self) -> bool:
        """Whether the state in Temporal matters: the integration is paused, or attempts fail."""
        return bool(
            self._state is not RUNNING
            or self._unauthorized
            or self._window.counts(self._clock())[1]
        )

    def _is_probing(self, by: Cause) -> bool:
        return self._state["state"] == "probing" and self._state["by"] == by

    def _open(self, by: Literal["breaker", "credentials"], reason: str, seconds: float) -> None:
        is_again = self._state["by"] == by
        longer = 2 * self._open_seconds if is_again and self._open_seconds else seconds
        self._open_seconds = min(longer, _LONGEST_OPEN_SECONDS)
        self._hold(by, reason, timedelta(seconds=self._open_seconds))
        self._window.clear()
        if by == "breaker":
            self._raise_level(LEVELS[-1], reason)
        self.listener(HealthReport.failing(by, reason, seconds=seconds))

    def _percent(self) -> float:
        """Return how much of the breaker's threshold the failed attempts of the window are."""
        limits = self._breaker
        if limits is None:
            return 0.0
        total, failed = self._window.counts(self._clock())
        return 100 * failed / (limits.failure_share * max(total, limits.minimum))

    def _raise_level(self, percent: float, reason: str) -> None:
        reached = max((level for level in LEVELS if level <= percent), default=0)
        if reached > self._level:
            self._level = reached
            self.on_level(reached, reason)

    def _lower_level(self) -> None:
        if self._level and self._percent() < LEVELS[0]:
            self._level = 0

    def _hold(
        self,
        by: WorkerCause,
        reason: str,
        wait: timedelta | None,
    ) -> None:
        now = self._clock()
        self._state = paused(by, reason, since=datetime.fromtimestamp(now, UTC), duration=wait)
        self._until = now + wait.total_seconds() if wait else None
        self._in_doubt_until = now + _IN_DOUBT_SECONDS

    def _report_probe(self, deadline: timedelta) -> None:
        by = self._state["by"]
        if by in ("breaker", "credentials"):
            seconds = min((deadline + _REPORT_TIME).total_seconds(), _LONGEST_OPEN_SECONDS)
            self.listener(HealthReport(by=by, event="probing", seconds=seconds))

    def _end_probing(self) -> None:
        by = self._state["by"]
        if self._state["state"] == "probing" and by in ("breaker", "credentials"):
            self._end()
            self._in_doubt_until = self._clock() + _IN_DOUBT_SECONDS
            self.listener(HealthReport(by=by, event="recovered"))

    def _end(self) -> None:
        if self._state is RUNNING:
            return
        self._state, self._until, self._open_seconds = RUNNING, None, 0.0
        self._level = 0
        self._window.clear()
        self._unauthorized.clear()

    def _move_on(self) -> None:
        """End a pause whose time is over, or let messages probe."""
        if self._until is None or self._clock() < self._until:
            return
        if self._state["state"] == "paused" and self._state["by"] in ("breaker", "credentials"):
            self._state, self._until = {**self._state, "state": "probing", "until": None}, None
        else:
            self._end()

    def _rest(self) -> timedelta | None:
        if self._until is None:
            return None
        return timedelta(seconds=max(self._until - self._clock(), 0.0))
