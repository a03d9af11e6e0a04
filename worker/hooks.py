"""The hooks of the settings, called in a thread, so that a failing hook stops no delivery."""

import asyncio
import inspect
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from durable_analytics.events import AttemptFailed, ExecutionFailed

log = logging.getLogger("durable_analytics.hooks")

_WAITING = 1000
"""Calls that may wait for a slow hook; further calls are dropped, and logged."""

_ASYNC_TIMEOUT_SECONDS = 10.0

Event = AttemptFailed | ExecutionFailed


class Hooks:
    """Calls the hooks in a daemon thread, so that none runs on the worker's event loop.

    Args:
        on_attempt_failed: Called with each failed attempt; a function or a coroutine function.
        on_execution_failed: Called with each execution that has failed finally.
    """

    def __init__(
        self,
        on_attempt_failed: Callable[[AttemptFailed], Any] | None = None,
        on_execution_failed: Callable[[ExecutionFailed], Any] | None = None,
    ) -> None:
        self._hooks: dict[type[Event], Callable[[Any], Any] | None] = {
            AttemptFailed: on_attempt_failed,
            ExecutionFailed: on_execution_failed,
        }
        self._queue: queue.Queue[Event] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="hooks", daemon=True)

    def notify(self, event: Event) -> None:
        """Queue an event for its hook; returns at once and never raises."""
        if self._hooks[type(event)] is None:
            return
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            log.warning("hook call left out", extra={"reason": f"{_WAITING} calls are waiting"})

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if not self._thread.is_alive():
            self._thread.start()

    def _run(self) -> None:
        while True:
            event = self._queue.get()
            hook = self._hooks[type(event)]
            try:
                result = hook(event) if hook else None
                if inspect.isawaitable(result):
                    asyncio.run(_bounded(result))
            except BaseException as error:  # noqa: BLE001  # sys.exit would end only this thread
                # Only its name is logged: the text comes from the hook and may contain user data.
                log.error(  # noqa: TRY400  # for the same reason
                    "hook failed",
                    extra={"hook": _name(hook), "exception": type(error).__name__},
                )


async def _bounded(result: Any) -> None:
    async with asyncio.timeout(_ASYNC_TIMEOUT_SECONDS):
        await result


def _name(hook: Any) -> str:
    return f"{getattr(hook, '__module__', '')}:{getattr(hook, '__qualname__', type(hook).__name__)}"
