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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakSet

from durable_analytics.buffering._uwsgi import uwsgi_will_fork
from durable_analytics.temporal.connection import Connection

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
        self._reset()

    @asynccontextmanager
    async def use(self, connection: Connection) -> AsyncIterator[None]:
        """Use the SDK by this connection, but not during a fork."""
        if self._pid != os.getpid():  # forked in C
            self.forget_parent()
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
        """Wait until nobody uses the SDK, and close the connections; or until the patience ends."""
        with self._lock:
            self._is_forking = True
            self._lock.wait_for(lambda: not self._users, self.patience_seconds)
        self._close_connections()

    def end_fork(self) -> None:
        """Let the threads of the parent go on."""
        with self._lock:
            self._is_forking = False

    def forget_parent(self) -> None:
        """Reset the state in a forked child, which lacks the threads that use the SDK."""
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Condition()
        self._is_forking = False
        self._users = 0
        self._connections = WeakSet[Connection]()
        self._pid = os.getpid()

    def _close_connections(self) -> None:
        with self._lock:
            dropped = [connection.drop() for connection in self._connections if not self._users]
        if any(dropped):
            gc.collect()  # a connection is in reference cycles

    def _enter(self, connection: Connection) -> bool:
        with self._lock:
            if self._is_forking:
                return False
            self._users += 1
            self._connections.add(connection)
            return True

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            self._lock.notify_all()


FORK_GUARD = ForkGuard()
os.register_at_fork(
    before=FORK_GUARD.begin_fork,
    after_in_parent=FORK_GUARD.end_fork,
    after_in_child=FORK_GUARD.forget_parent,
)
