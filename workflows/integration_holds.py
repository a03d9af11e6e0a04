"""Why an integration is paused: one reason of each kind, of which one outranks the others."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NotRequired, get_args

from durable_analytics.wire.health_reports import HealthReport
from durable_analytics.wire.integration_state import RUNNING, Cause, IntegrationState, paused
from durable_analytics.wire.timestamps import write_timestamp

_RANKS: tuple[Cause, ...] = get_args(Cause)

_PROBED: tuple[Cause, ...] = ("credentials", "breaker")
"""The pauses that end only if a message could be delivered."""

_LONGEST_OPEN = timedelta(minutes=10)
"""The longest pause between two probes."""

_ALWAYS_OPEN_FOR = 30.0
"""Seconds up to which a pause doubles, however short the outage is."""

_LONGEST_RETRY_AFTER = timedelta(days=1)
"""The longest pause because of one `Retry-After`; the next response may ask for another one."""

_PROBING = timedelta(minutes=10)
"""How long the integration waits for the result of a probe. Without one, nothing was sent, and the
pause ends."""

_PUBLIC = IntegrationState.__annotations__


class Hold(IntegrationState):
    """A pause, and what its next change depends on."""

    open_for: NotRequired[float]
    """Seconds until the next probe."""

    credentials: NotRequired[str]
    """The hash of the credentials that the provider refused."""

    probe_until: NotRequired[str]
    """When the probe that is in flight is over, at the latest."""


class Holds:
    """The pauses of an integration that have not ended.

    Args:
        states: The pauses of an earlier run of the workflow.
    """

    def __init__(self, states: Iterable[Any]) -> None:
        self._by_cause: dict[Cause, Hold] = {}
        for state in states:
            self.add(state)

    def add(self, state: Any) -> None:
        """Pause; a pause of the same kind is replaced.

        Args:
            state: An `IntegrationState` or a `Hold`.
        """
        if state["by"] is not None:
            self._by_cause[state["by"]] = state

    def end(self) -> None:
        """End all pauses."""
        self._by_cause.clear()

    def report(self, report: HealthReport, now: datetime, *, by_age: bool = True) -> None:
        """Take what a worker has seen of the provider.

        Args:
            report: What it has seen.
            now: The time.
            by_age: Whether the length of a pause is limited; false in executions of earlier
                releases.
        """
        if report.event == "failing":
            self._fail(report, now, by_age=by_age)
            return
        hold = self._by_cause.get(report.by)
        if hold is None:
            return
        if report.event == "probing":
            if hold["state"] == "probing":
                until = write_timestamp(now + timedelta(seconds=report.seconds or 0))
                self._by_cause[report.by] = {**hold, "probe_until": until}
            return
        has_changed = report.credentials != hold.get("credentials")
        is_over = hold["state"] == "probing" if report.event == "recovered" else has_changed
        if is_over:
            del self._by_cause[report.by]

    def _fail(self, report: HealthReport, now: datetime, *, by_age: bool) -> None:
        hold = self._by_cause.get(report.by)
        since = datetime.fromisoformat(hold["since"]) if hold and hold["since"] else now
        if report.by == "retry_after":
            until = report.until or now
            if hold and hold["until"]:
                until = max(until, datetime.fromisoformat(hold["until"]))
            if by_age:
                until = min(until, now + _LONGEST_RETRY_AFTER)
            if until > now:
                self.add(paused(report.by, report.reason, since=since, duration=until - since))
        elif report.by not in _PROBED:
            self.add(paused(report.by, report.reason, since=since, duration=None))
        elif hold is None or hold["state"] == "probing":
            # Several workers open at once: the first one counts.
            age = now - since if by_age else None
            self._open(report, hold, since, now, age)

    def _open(
        self,
        report: HealthReport,
        hold: Hold | None,
        since: datetime,
        now: datetime,
        age: timedelta | None,
    ) -> None:
        seconds = first = report.seconds or _LONGEST_OPEN.total_seconds()
        if hold:
            seconds = 2 * hold.get("open_for", seconds)
            if age is not None:
                # Then messages wait for a tenth of the outage at most, once it is over.
                seconds = min(seconds, max(first, _ALWAYS_OPEN_FOR, age.total_seconds() / 10))
        seconds = min(seconds, _LONGEST_OPEN.total_seconds())
        until = now + timedelta(seconds=seconds)
        state = paused(report.by, report.reason, since=since, duration=until - since)
        more = {"credentials": report.credentials} if report.credentials else {}
        self.add({**state, "open_for": seconds, **more})

    def end_expired(self, now: datetime) -> None:
        """End the pauses whose time is over, or let messages probe."""
        for cause, hold in list(self._by_cause.items()):
            if "probe_until" in hold and datetime.fromisoformat(hold["probe_until"]) <= now:
                del hold["probe_until"]
            if not hold["until"] or datetime.fromisoformat(hold["until"]) > now:
                continue
            if cause in _PROBED and hold["state"] == "paused":
                until = write_timestamp(now + _PROBING)
                self._by_cause[cause] = {**hold, "state": "probing", "until": until}
            else:
                del self._by_cause[cause]

    def next_end(self) -> datetime | None:
        """Return when the next pause changes by itself, or None."""
        holds = self._by_cause.values()
        ends = [end for hold in holds for end in (hold["until"], hold.get("probe_until")) if end]
        return min((datetime.fromisoformat(end) for end in ends), default=None)

    def reason_to_hold(self) -> str | None:
        """Return why the task queue is held; None if messages may be sent.

        While the integration probes, it is held as soon as a worker has sent a probe: one result is
        enough, and each further message that Temporal gave out would have to go back.
        """
        state = self.state()
        if state["state"] == "paused":
            return state["reason"]
        is_probed = any("probe_until" in hold for hold in self._by_cause.values())
        return "a probe is in flight" if is_probed else None

    def state(self) -> IntegrationState:
        """Return the state: paused by the pause of the highest rank, else probing, else running."""
        ranked = [self._by_cause[cause] for cause in _RANKS if cause in self._by_cause]
        ranked.sort(key=lambda hold: hold["state"] != "paused")
        if not ranked:
            return RUNNING
        hold: Any = ranked[0]
        state: Any = {key: hold[key] for key in _PUBLIC}
        return state  # type: ignore[no-any-return]

    def as_json(self) -> list[Hold]:
        """Return the pauses, for the next run of the workflow."""
        return list(self._by_cause.values())
