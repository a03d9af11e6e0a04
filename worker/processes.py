"""Several worker processes behind one command, because one Python process fills one core alone."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from datetime import timedelta
from typing import Self

log = logging.getLogger("durable_analytics.worker")

CHILD = "--child"
"""The argument of `python -m worker` that makes it one of several."""

_UP = b"."

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


class Lifeline:
    """A child's hold on its parent, in the place of standard input.

    Its end is a request to end: the parent lets go of it, or the system does, when the parent is
    gone. Unlike a signal it is not lost on a child that has only begun to start.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=sys.stdin.fileno())
        self._socket.setblocking(False)

    async def cut(self) -> None:
        """Wait for its end."""
        with contextlib.suppress(ConnectionError):
            await asyncio.get_running_loop().sock_recv(self._socket, 1)

    def tell(self) -> None:
        """Tell the parent that this worker polls."""
        with contextlib.suppress(OSError):  # a parent that is gone
            self._socket.send(_UP)


def show_process_ids() -> None:
    """Give each log line the id of its process: several write to one place."""

    def add(record: logging.LogRecord) -> bool:
        record.pid = os.getpid()
        return True

    for handler in logging.getLogger().handlers:
        handler.addFilter(add)


async def supervise(processes: int, deadline: timedelta) -> int:
    """Run several workers until SIGTERM or SIGINT; returns the exit status.

    Another one takes the place of one that ends by itself, after a pause. Only one that fails
    before its place ever had a worker that polled ends them all, with its status: then something
    is wrong that no other try mends.

    Args:
        processes: How many.
        deadline: How long after the signal each of them may take to end.
    """
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    log.info("starting workers", extra={"processes": processes})
    places = [asyncio.create_task(_occupy(stop, deadline)) for _ in range(processes)]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping, *places], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    statuses = await asyncio.gather(*places)
    log.info("all workers stopped")
    failures = [status for status in statuses if status]
    # A negative one is the signal that ended it.
    return max(1, *failures) if failures else 0


def next_pause(last: float, lived: float) -> float:
    """Seconds to wait for the next process in a place: twice the last pause, up to a minute.

    Args:
        last: The pause before the process that has ended, in seconds; 0 for the first.
        lived: How long that one lived, in seconds; after a minute it begins anew.
    """
    if lived > _LONGEST_PAUSE_SECONDS:
        return _FIRST_PAUSE_SECONDS
    return min(max(2 * last, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)


async def _occupy(stop: asyncio.Event, deadline: timedelta) -> int:
    """Keep one worker running; returns the exit status of the last one."""
    loop = asyncio.get_running_loop()
    pause, was_up = 0.0, False
    while True:
        started = loop.time()
        child = await _Child.start()
        status = await child.run(stop, deadline)
        was_up = child.was_up() or was_up
        if stop.is_set() or (status > 0 and not was_up):
            return status
        pause = next_pause(pause, loop.time() - started)
        told = {"child": child.pid, "status": status, "next_in_seconds": pause}
        log.error("worker ended by itself", extra=told)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
            return 0


class _Child:
    """One worker process, and our end of its lifeline."""

    def __init__(self, process: asyncio.subprocess.Process, lifeline: socket.socket) -> None:
        self.pid = process.pid
        self._process = process
        self._lifeline = lifeline

    @classmethod
    async def start(cls) -> Self:
        """Start it, out of reach of the terminal's Ctrl-C, which is ours to hand on."""
        ours, its = socket.socketpair()
        with its:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "worker", CHILD),
                stdin=its.fileno(),
                start_new_session=True,
            )
        return cls(process, ours)

    async def run(self, stop: asyncio.Event, deadline: timedelta) -> int:
        """Wait for its end, and see to it after `stop`; returns its status, or -(the signal)."""
        ended = asyncio.create_task(self._process.wait())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            self._lifeline.shutdown(socket.SHUT_WR)
            await asyncio.wait([ended], timeout=deadline.total_seconds())
        if not ended.done():
            log.error("worker killed", extra={"child": self.pid, "reason": "it did not end"})
            self._process.kill()
        return await ended

    def was_up(self) -> bool:
        """Whether the process, which has ended, has ever polled; to be asked once."""
        with self._lifeline, contextlib.suppress(ConnectionError, BlockingIOError):
            return self._lifeline.recv(1, socket.MSG_DONTWAIT) == _UP
        return False
