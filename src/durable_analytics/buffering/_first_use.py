"""A fork waits while a client's thread uses Temporal's SDK for the first time.

The native part of the SDK initialises its parts at their first use. If the process forks meanwhile,
the child finds a part that is being initialised by a thread that it does not have: its own first
call then never returns. Afterwards, a fork does not wait. Forks in C, as uWSGI's, run no hooks of
Python; there, no thread is started before the fork.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class FirstUse:
    """The first use of the SDK in this process, by any number of threads at once.

    Args:
        patience_seconds: How long a fork waits. Default: enough for a server that responds; without
            one, forks must go on.
    """

    def __init__(self, patience_seconds: float = 0.5) -> None:
        self.patience_seconds = patience_seconds
        self.is_over = False
        """Whether the SDK has been used with success."""
        self._changed = threading.Condition()
        self._users = 0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Let forks wait for what is done inside, until it has succeeded once."""
        if self.is_over:
            yield
            return
        changed = self._changed
        self._count(1)
        try:
            yield
            self.is_over = True
        finally:
            if changed is self._changed:  # else this is a thread of the parent, collected here
                self._count(-1)

    def wait(self) -> None:
        """Wait until nobody is inside, but not for long."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over or not self._users, self.patience_seconds)

    def forget_threads(self) -> None:
        """In a forked process: the threads inside do not exist here."""
        self._changed = threading.Condition()
        self._users = 0

    def _count(self, change: int) -> None:
        with self._changed:
            self._users += change
            self._changed.notify_all()


FIRST_USE = FirstUse()
os.register_at_fork(before=FIRST_USE.wait, after_in_child=FIRST_USE.forget_threads)
