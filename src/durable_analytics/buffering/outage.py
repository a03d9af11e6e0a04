"""The log lines of an outage of Temporal: one when it starts, one a minute, one on recovery."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger("durable_analytics.buffering")

_REPEAT_SECONDS = 60.0


class Outage:
    """What the log knows of Temporal being out of reach.

    Args:
        unsettled: How many messages wait for it.
        clock: Seconds, from whatever start.
    """

    def __init__(
        self, unsettled: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._unsettled = unsettled
        self._clock = clock
        self._failing: set[str] = set()
        self._since: float | None = None
        self._told = 0.0

    def goes_on(self, workflow_id: str, reason: str) -> None:
        """An attempt to start this execution failed."""
        now = self._clock()
        self._failing.add(workflow_id)
        if self._since is None:
            self._since = self._told = now
            log.warning(
                "Temporal does not take messages (%s): %d are kept and tried again",
                reason,
                self._unsettled(),
            )
        elif now - self._told >= _REPEAT_SECONDS:
            self._told = now
            log.warning(
                "Temporal has not taken messages for %.0f s (%s): %d are kept",
                now - self._since,
                reason,
                self._unsettled(),
            )

    def is_over(self, workflow_id: str) -> None:
        """Temporal has this execution; the outage is over once it has all that had failed."""
        self._failing.discard(workflow_id)
        if self._since is not None and not self._failing:
            log.warning("Temporal takes messages again, after %.0f s", self._clock() - self._since)
            self._since = None
