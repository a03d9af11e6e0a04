"""The session of the current process: replaced after a fork, closed at the interpreter's exit."""

import atexit
import sys
from functools import cache
from os import getpid
from typing import Any
from weakref import WeakSet

from durable_analytics.buffering._session import Session
from durable_analytics.buffering._settings import ClientSettings


class Lifecycle:
    """Finds the session of the process that calls.

    A fork is detected by the process id. Hooks of Python do not run when a process forks in C, as
    uWSGI does; and a lock that a thread of the parent holds is never released in the child.
    """

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._session = Session(settings, owner=self)
        self._forked: dict[tuple[int, int], Session] = {}
        _lifecycles.add(self)
        _close_sessions_at_exit()

    @property
    def session(self) -> Session:
        """The session of this process."""
        session = self._session
        return session if session.pid == getpid() else self._replace_after_fork(session)

    def enqueue(self, key: str, call: Any) -> str:
        """Check and enqueue a message; returns its id."""
        session = self._session
        if session.pid != getpid():
            session = self._replace_after_fork(session)
        return session.enqueue(key, call)

    def _replace_after_fork(self, parent: Session) -> Session:
        """Start a new session: the threads, locks and messages of the old one are the parent's."""
        # If several threads come here at once, `setdefault` selects one, without any lock.
        fresh = Session(self._settings, owner=self, parent=parent)
        self._session = session = self._forked.setdefault((id(parent), fresh.pid), fresh)
        if session is fresh:
            session.take_over()
        _close_sessions_at_exit()
        return session


_lifecycles: WeakSet[Lifecycle] = WeakSet()
"""A sending thread refers to its lifecycle: none that has messages is missing here."""


def _close_sessions() -> None:
    for lifecycle in list(_lifecycles):
        lifecycle.session.close_at_exit()


def _close_sessions_at_exit() -> None:
    _register_exit_handler()
    # A process of `multiprocessing` ends without the interpreter's exit handlers.
    if util := sys.modules.get("multiprocessing.util"):
        util.Finalize(None, _close_sessions, exitpriority=100)


@cache
def _register_exit_handler() -> None:
    """Register once; not at import, which may happen in the sandbox of a workflow."""
    atexit.register(_close_sessions)
