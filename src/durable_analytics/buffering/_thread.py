"""A client's own thread: it starts at the first message, and ends with the client or a failure.

uWSGI loads an application, and then forks its workers in C, while threads may run. If a Python
thread holds the interpreter's lock at that moment, the worker never gets the lock. Therefore no
thread is started before that fork. The first worker that makes a call takes over what was enqueued
until then, because uWSGI's master runs neither threads nor exit handlers afterwards.
"""

import asyncio
import gc
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from durable_analytics.buffering._flusher import Flusher, OnFailure
from durable_analytics.buffering._reports import is_in_callback, write_log

_CALLBACKS_TIMEOUT = timedelta(seconds=5)
"""For the callbacks of the remaining messages, after the time to flush is over."""


class FlusherThread:
    """Runs a flusher, in a daemon thread with an event loop of its own.

    Args:
        make: Makes the flusher, in that thread; its objects are dropped when the thread ends.
        on_end: Called once, when nothing is sent any more, with the reason of the end: None if the
            thread was stopped. It runs in that thread, or in the caller's if the thread cannot be
            started. It is called again if it raises.
    """

    def __init__(
        self, make: Callable[[OnFailure], Flusher], on_end: Callable[[str | None], None]
    ) -> None:
        self._make: Callable[[OnFailure], Flusher] | None = make
        self._on_end = on_end
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flusher: Flusher | None = None
        self._stopped = asyncio.Event()
        self._reason: str | None = None
        self._was_started = False

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in this thread, as callbacks do."""
        return self._thread is threading.current_thread()

    @property
    def has_ended(self) -> bool:
        """Whether the thread was started, and does not run any more."""
        thread = self._thread
        return self._was_started and thread is not None and not thread.is_alive()

    def wake(self) -> bool:
        """Start the thread at the first call, and let it look at the buffer.

        Returns:
            False if it cannot be started now, and the next message should try again.
        """
        with self._lock:
            if self._thread is None and self._make is not None and not self._start(self._make):
                return False
        self._call_in_loop(self._wake_flusher)
        return True

    def stop(self) -> None:
        """End the flusher, and wait until the remaining messages are reported."""
        self._make = None
        if self._thread is None:
            return
        self._call_in_loop(self._stopped.set)
        self._thread.join(_CALLBACKS_TIMEOUT.total_seconds())
        if self._thread.is_alive():
            write_log(
                logging.ERROR,
                "a callback of the buffering client does not return: not waiting for it",
            )

    def _start(self, make: Callable[[OnFailure], Flusher]) -> bool:
        runner: asyncio.Runner | None = None
        try:
            # With a factory, the runner does not touch the event loop of the calling thread.
            runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
            self._loop = runner.get_loop()
            self._thread = threading.Thread(
                target=self._run, args=(runner, make), name="durable-analytics", daemon=True
            )
            self._thread.start()
        except Exception as error:  # noqa: BLE001  # no thread, no memory, no file descriptor
            self._thread = self._loop = None
            if runner is not None:
                runner.close()
            if is_in_callback():  # it may enqueue another message each time
                return False
            self._make = None
            self._record_failure(error)
            self._on_end(self._reason)
        else:
            self._was_started = True
        return True

    def _run(self, runner: asyncio.Runner, make: Callable[[OnFailure], Flusher]) -> None:
        try:
            try:
                with runner:
                    runner.run(self._main(make))
            except BaseException as error:  # noqa: BLE001  # the messages are reported in any case
                self._record_failure(error)
            finally:
                # Drop the last references to the connection: otherwise the SDK may crash the
                # interpreter's exit (sdk-python issue 300).
                self._flusher = None
                del make
                gc.collect()
                self._on_end(self._reason)
        except BaseException as error:  # noqa: BLE001  # also of the lines above
            self._record_failure(error)
            self._on_end(self._reason)

    async def _main(self, make: Callable[[OnFailure], Flusher]) -> None:
        asyncio.get_running_loop().set_exception_handler(self._handle_loop_error)
        self._flusher = make(self._fail)
        flushing = asyncio.ensure_future(self._flusher.run())
        stopping = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait((flushing, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if flushing.done():
            self._fail(None if flushing.cancelled() else flushing.exception())
        flushing.cancel()
        await asyncio.wait((flushing,))

    def _fail(self, error: BaseException | None) -> None:
        """End the thread because of this error; called in the event loop."""
        if not self._stopped.is_set():
            self._record_failure(error)
            self._stopped.set()

    def _handle_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # After an exception in a handle, a task may never be woken again.
        if "handle" in context:
            self._fail(context.get("exception"))
        else:
            loop.default_exception_handler(context)

    def _record_failure(self, error: BaseException | None) -> None:
        if self._reason is None:
            self._reason = "it was cancelled" if error is None else _describe(error)
            write_log(logging.ERROR, "the sending thread failed: %s", self._reason, exception=error)

    def _wake_flusher(self) -> None:
        if self._flusher is not None:
            self._flusher.wake()

    def _call_in_loop(self, function: Callable[[], object]) -> None:
        if (loop := self._loop) is not None:
            with suppress(RuntimeError):  # The loop is closed: the thread is about to end.
                loop.call_soon_threadsafe(function)


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class ForkClaim:
    """A token that one of the processes forked afterwards can take."""

    def __init__(self) -> None:
        self._token, write_end = os.pipe()
        os.set_blocking(self._token, False)
        os.write(write_end, b"1")

    def take(self) -> bool:
        """Whether this process is the first one that asks."""
        try:
            return os.read(self._token, 1) != b""
        except BlockingIOError:
            return False
