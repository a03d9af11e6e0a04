"""The lock of redrives: it runs while a redrive renews it."""

from datetime import timedelta

from temporalio import workflow

from durable_analytics.redrive.names import (
    LEASE,
    LOCK_WORKFLOW,
    RELEASE_SIGNAL,
    RENEW_SIGNAL,
)

LONGEST = timedelta(hours=12)
"""A redrive that takes longer has to be started again, so that the history stays short."""


@workflow.defn(name=LOCK_WORKFLOW)
class RedriveLock:
    """Ends when it is released, or was not renewed for the length of the lease."""

    def __init__(self) -> None:
        self._renewals = 0
        self._is_released = False

    @workflow.run
    async def run(self) -> None:
        """Wait for the end of the redrive."""
        deadline = workflow.now() + LONGEST
        while not self._is_released and workflow.now() < deadline:
            if not await self._is_renewed(self._renewals):
                return

    async def _is_renewed(self, renewals: int) -> bool:
        try:
            await workflow.wait_condition(
                lambda: self._is_released or self._renewals != renewals, timeout=LEASE
            )
        except TimeoutError:
            return False
        return True

    @workflow.signal(name=RENEW_SIGNAL)
    def renew(self) -> None:
        """Begin the lease anew."""
        self._renewals += 1

    @workflow.signal(name=RELEASE_SIGNAL)
    def release(self) -> None:
        """End the lock."""
        self._is_released = True
