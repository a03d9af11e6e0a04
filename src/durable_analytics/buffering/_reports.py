"""What a client reports: outcomes to callbacks, lost messages to `on_error`, and all to the log.

What these raise never reaches the client.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic_core import from_json

from durable_analytics.buffering._buffer import MessageWithCallback, Part
from durable_analytics.client.arguments import Outcome
from durable_analytics.errors import AnalyticsError, ValidationError
from durable_analytics.wire.messages import JsonObject

OnError = Callable[[Exception, list[JsonObject]], Any]

_log = logging.getLogger("durable_analytics.buffering")


class _Callbacks(threading.local):
    """The callbacks that run in a thread; a process that a callback forks runs none of them."""

    running = 0
    pid = 0


_this_thread = _Callbacks()

_REPEAT_SECONDS = 60.0
"""Between two log lines of one outage."""


def write_log(
    level: int, message: str, *arguments: object, exception: BaseException | None = None
) -> None:
    """Log a line; a handler that raises must not end the thread that sends.

    Args:
        level: One of `logging`.
        message: A format for the arguments.
        arguments: The values.
        exception: Logged with its traceback.
    """
    with suppress(Exception, SystemExit):
        _log.log(level, message, *arguments, exc_info=exception)


def is_in_callback() -> bool:
    """Whether a callback of a buffering client is the caller; it must not wait for the client."""
    return _this_thread.running > 0 and _this_thread.pid == os.getpid()


class Notifier:
    """Calls the callbacks of messages, and `on_error` with messages that may be lost.

    Args:
        on_error: The client's; None to log only.
    """

    def __init__(self, on_error: OnError | None) -> None:
        self._on_error = on_error

    def accepted(self, part: Part) -> None:
        """Report that Temporal has these; a disabled client reports what it drops."""
        for message in _not_notified(part):
            _call(message.callback, Outcome(message.message_id, part.workflow_id, None))

    def failed(self, parts: Sequence[Part], error: AnalyticsError) -> None:
        """Report that these are not known to be stored, and are not tried again."""
        count = sum(len(part.items) for part in parts)
        write_log(logging.ERROR, "not kept by Temporal: %d messages (%s)", count, error)
        for part in parts:
            for message in _not_notified(part):
                _call(message.callback, Outcome(message.message_id, None, error))
        if self._on_error is not None:
            messages = [from_json(item) for part in parts for item in part.items]
            _call(self._on_error, error, messages)

    def invalid(
        self,
        message: Mapping[str, Any],
        message_id: str,
        callback: Callable[[Outcome], Any] | None,
        error: ValidationError | TypeError,
    ) -> None:
        """Report that this message was not enqueued, because it is invalid.

        Args:
            message: As the caller passed it.
            message_id: What the call returns.
            callback: The message's.
            error: What is wrong, without values; a TypeError if it is the callback.
        """
        write_log(logging.ERROR, "refused, and not enqueued: %s", error)
        if callback is not None and isinstance(error, ValidationError):
            _call(callback, Outcome(message_id, None, error))
        if self._on_error is not None:
            _call(self._on_error, error, [dict(message)])


class Outage:
    """Logs an outage of Temporal: when it begins, once a minute, and when it ends.

    Args:
        unsettled: Returns how many messages wait for Temporal.
        clock: Returns seconds since any fixed moment.
    """

    def __init__(
        self, unsettled: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._unsettled = unsettled
        self._clock = clock
        self._failing: set[str] = set()
        self._began_at: float | None = None
        self._logged_at = 0.0

    def failed(self, workflow_id: str, reason: str) -> None:
        """An attempt to start this execution failed."""
        now = self._clock()
        self._failing.add(workflow_id)
        if self._began_at is None:
            self._began_at = self._logged_at = now
            write_log(
                logging.WARNING,
                "Temporal does not take messages (%s): %d are kept and tried again",
                reason,
                self._unsettled(),
            )
        elif now - self._logged_at >= _REPEAT_SECONDS:
            self._logged_at = now
            write_log(
                logging.WARNING,
                "Temporal has not taken messages for %.0f s (%s): %d are kept",
                now - self._began_at,
                reason,
                self._unsettled(),
            )

    def recovered(self, workflow_id: str) -> None:
        """This execution needs no more attempts; the outage ends with the last one that failed."""
        self._failing.discard(workflow_id)
        if self._began_at is not None and not self._failing:
            seconds = self._clock() - self._began_at
            write_log(logging.WARNING, "Temporal takes messages again, after %.0f s", seconds)
            self._began_at = None


def _not_notified(part: Part) -> Iterator[MessageWithCallback]:
    """Each counts as notified before its callback runs: a callback is never called twice."""
    for index in range(part.notified, len(part.items)):
        part.notified = index + 1
        if isinstance(item := part.items[index], MessageWithCallback):
            yield item


def _call(function: Callable[..., Any], *arguments: Any) -> None:
    _this_thread.running = 1 + (_this_thread.running if is_in_callback() else 0)
    _this_thread.pid = os.getpid()
    try:
        function(*arguments)
    except BaseException as error:  # noqa: BLE001  # sys.exit() must not end the client's thread
        write_log(logging.ERROR, "a callback of the buffering client failed", exception=error)
    finally:
        _this_thread.running -= 1
