"""Delays a fork while a client's thread uses Temporal's SDK for the first time.

The native code of the SDK initialises itself at its first use. If the process forks during that,
the child inherits a half-initialised SDK, without the thread that would complete it: its own first
call never returns. After the first use, forks are not delayed. Forks in C, like those of uWSGI, do
not run Python's fork hooks; with them, no thread is started before the fork.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class FirstUse:
    """The first use of the SDK in this process, by one or more threads.

    Args:
        patience_seconds: The longest time that a fork waits. The default is enough if the server
            responds; if it does not, forks must not hang.
    """

    def __init__(self, patience_seconds: float = 0.5) -> None:
        self.patience_seconds = patience_seconds
        self.is_over = False
        """Whether the SDK has been used successfully."""
        self._changed = threading.Condition()
        self._users = 0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Make forks wait while this context uses the SDK; not after a first successful use."""
        if self.is_over:
            yield
            return
        changed = self._changed
        self._add_users(1)
        try:
            yield
            self.is_over = True
        finally:
            if changed is self._changed:  # otherwise this context belongs to a thread of the parent
                self._add_users(-1)

    def wait(self) -> None:
        """Wait until no thread is in `guard`, or the patience has passed."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over or not self._users, self.patience_seconds)

    def forget_threads(self) -> None:
        """Reset the state in a forked child, which lacks the threads that are in `guard`."""
        self._changed = threading.Condition()
        self._users = 0

    def _add_users(self, change: int) -> None:
        with self._changed:
            self._users += change
            self._changed.notify_all()


FIRST_USE = FirstUse()
os.register_at_fork(before=FIRST_USE.wait, after_in_child=FIRST_USE.forget_threads)
