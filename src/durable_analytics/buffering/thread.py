"""A client's own thread: started at the first message, ended with the client."""

import asyncio
import gc
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from durable_analytics.buffering.sending import Sender

log = logging.getLogger("durable_analytics.buffering")

_GRACE = timedelta(seconds=5)
"""For the callbacks of what is left, after the time to flush is over."""


class SenderThread:
    """Runs a sender, in a daemon thread with an event loop of its own.

    Args:
        make: Makes the sender, in that thread; what it refers to is dropped at the thread's end.
    """

    def __init__(self, make: Callable[[], Sender]) -> None:
        self._make: Callable[[], Sender] | None = make
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sender: Sender | None = None
        self._stopped = asyncio.Event()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in this thread, as callbacks do."""
        return self._thread is threading.current_thread()

    def wake(self) -> None:
        """Start the thread where it has not been, and let it look at the buffer."""
        with self._lock:
            if self._thread is None and self._make is not None:
                self._start(self._make)
        self._call(self._wake_sender)

    def stop(self) -> None:
        """End the sender, and wait until it has told of what is left."""
        self._make = None
        if self._thread is None:
            return
        self._call(self._stopped.set)
        self._thread.join(_GRACE.total_seconds())
        if self._thread.is_alive():
            log.error("a callback of the buffering client does not return: not waiting for it")

    def _start(self, make: Callable[[], Sender]) -> None:
        # Given a factory, the runner leaves the event loop of the calling thread alone.
        runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = runner.get_loop()
        thread = threading.Thread(
            target=self._run, args=(runner, make), name="durable-analytics", daemon=True
        )
        thread.start()
        self._thread = thread

    def _run(self, runner: asyncio.Runner, make: Callable[[], Sender]) -> None:
        try:
            with runner:
                runner.run(self._main(make()))
        finally:
            # The connection's last references: the SDK may crash Python's own end otherwise
            # (sdk-python issue 300).
            self._sender = None
            del make
            gc.collect()

    async def _main(self, sender: Sender) -> None:
        self._sender = sender
        sending = asyncio.ensure_future(sender.run())
        stopping = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait((sending, stopping), return_when=asyncio.FIRST_COMPLETED)
        sending.cancel()
        stopping.cancel()
        with suppress(asyncio.CancelledError):
            await sending

    def _wake_sender(self) -> None:
        if self._sender is not None:
            self._sender.wake()

    def _call(self, function: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # The loop is closed: nobody is there to be told.
                self._loop.call_soon_threadsafe(function)
