"""Keeps Temporal's SDK out of a fork: it is not in use then, and has no threads.

The native threads of the SDK do not exist in a forked child, but its native code still refers to
them: a call in the child may crash the process, or never return. So a fork waits until no client's
thread uses the SDK, and closes the connections, which are opened again at their next use. uWSGI
forks in C, where Python's fork hooks do not run: before that, each use closes its connection.
"""

import asyncio
import gc
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakSet

from temporalio.runtime import Runtime

from durable_analytics.buffering._uwsgi import uwsgi_will_fork
from durable_analytics.temporal.connection import RUNTIMES, Connection

_POLL_SECONDS = 0.002
"""How often a thread checks that a fork is over. It must not block: its other tasks may have to end
before the fork."""


class ForkGuard:
    """The uses of the SDK in this process, by the threads of one or more clients.

    Args:
        patience_seconds: The longest time that a fork waits. The default is enough if the server
            responds; if it does not, forks must not hang.
    """

    def __init__(self, patience_seconds: float = 0.5) -> None:
        self.patience_seconds = patience_seconds
        self._inherited: list[Runtime] = []
        """The runtimes of the parents of this process, which are never finalised here."""
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Condition()
        self._forks = 0
        self._users = Counter[int]()
        """How many uses each thread has now."""
        self._connections = WeakSet[Connection]()
        self._kept: list[Runtime] = []
        """What a child of the fork that has begun must not finalise."""

    @asynccontextmanager
    async def use(self, connection: Connection) -> AsyncIterator[None]:
        """Use the SDK by this connection, but not during a fork."""
        self._notice_fork_in_c()
        lock, has_entered = self._lock, False
        try:
            while not (has_entered := self._enter(connection)):  # noqa: ASYNC110  # set by a thread
                await asyncio.sleep(_POLL_SECONDS)
            yield
        finally:
            # With another lock, this context belongs to a thread of the parent.
            if has_entered and lock is self._lock:
                self._leave()
                if uwsgi_will_fork():
                    self._close_connections()

    def begin_fork(self) -> None:
        """Wait until nobody uses the SDK, and close the connections; or until the patience ends.

        A callback that forks does not wait for the uses of its own thread, which it stops.
        """
        self._notice_fork_in_c()
        own = threading.get_ident()
        with self._lock:
            self._forks += 1
            self._lock.wait_for(lambda: not self._users.keys() - {own}, self.patience_seconds)
        self._close_connections()
        self._kept = [*RUNTIMES]

    def end_fork(self) -> None:
        """Let the threads of the parent go on."""
        with self._lock:
            self._forks = max(0, self._forks - 1)
            self._kept = []

    def forget_parent(self) -> None:
        """Reset the state in a forked child, which lacks the threads that use the SDK."""
        self._inherited += {*self._kept, *RUNTIMES}
        self._reset()

    def _notice_fork_in_c(self) -> None:
        if self._pid != os.getpid():
            self.forget_parent()

    def _close_connections(self) -> None:
        with self._lock:
            dropped = [connection.drop() for connection in self._connections if not self._users]
        if any(dropped):
            gc.collect()  # a connection is in reference cycles

    def _enter(self, connection: Connection) -> bool:
        with self._lock:
            if self._forks:
                return False
            self._connections.add(connection)
            self._users[threading.get_ident()] += 1
            return True

    def _leave(self) -> None:
        thread = threading.get_ident()
        with self._lock:
            self._users[thread] -= 1
            if not self._users[thread]:
                del self._users[thread]
            self._lock.notify_all()


def forget_frames(error: BaseException) -> None:
    """Remove the tracebacks of an error and of its causes: their frames refer to a connection."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop()
        seen.add(id(one))
        one.__traceback__ = None
        causes = (one.__cause__, one.__context__)
        left += [cause for cause in causes if cause is not None and id(cause) not in seen]


FORK_GUARD = ForkGuard()
os.register_at_fork(
    before=FORK_GUARD.begin_fork,
    after_in_parent=FORK_GUARD.end_fork,
    after_in_child=FORK_GUARD.forget_parent,
)
