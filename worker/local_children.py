"""Child processes of `make run`, which a later run finds and ends if their parent was killed."""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from durable_analytics.errors import SettingsError
from runtime.child_process import ChildProcess

_GRACE_SECONDS = 20.0
_POLL_SECONDS = 0.05


class Child:
    """A process that holds a lock while it runs.

    The lock is on the file with the process id, and the process inherits the lock. While the lock
    is held, the id in the file belongs to this process, and not to another one with the same id.

    Args:
        name: The name of the file, and of the child in messages.
        folder: The folder of the file.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._path = folder / f"{name}.pid"
        self._process: ChildProcess | None = None

    def leftover_pid(self) -> int | None:
        """Return the id of the process that an earlier, killed run did not end.

        Raises:
            SettingsError: There is such a process, but its id is not known.
        """
        with self._path.open("a+") as file:
            if _lock(file):
                return None
            file.seek(0)
            if pid := int(file.read() or 0):
                return pid
        # The parent was killed after it started the process, before it wrote the id.
        reason = (
            f"a process of an earlier run still uses {self._path}: end that process and try again"
        )
        raise SettingsError([reason])

    async def end_leftover(self) -> None:
        """End the process that an earlier run did not end, if there is one."""
        if (pid := self.leftover_pid()) is None:
            return
        for signum in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(TimeoutError, ProcessLookupError):
                os.kill(pid, signum)
                async with asyncio.timeout(_GRACE_SECONDS):
                    while self.leftover_pid() is not None:  # noqa: ASYNC110  # no child: no event
                        await asyncio.sleep(_POLL_SECONDS)
                return

    async def start(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path | None = None
    ) -> None:
        """Start the process.

        Args:
            command: The program and its arguments.
            environment: All its environment variables.
            log: The file for its output; None shares this process's output.
        """
        with self._path.open("w+") as file:
            _lock(file)
            self._process = await ChildProcess.start(
                command, environment, output=log, pass_fds=[file.fileno()]
            )
            file.write(str(self._process.process.pid))

    async def ended(self) -> int:
        """Wait for the process, and return its exit status (negative: the signal)."""
        assert self._process  # noqa: S101  # started before
        return await self._process.ended()

    async def stop(self) -> None:
        """Ask the process to end, and kill it after 20 seconds."""
        if self._process and not await self._process.stop(_GRACE_SECONDS):
            print(f"{self.name} did not end; killed", file=sys.stderr)  # noqa: T201


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def hold_lock(path: Path) -> IO[str] | None:
    """Take a lock until this process ends; return None if another process has it."""
    file = path.open("a")
    return file if _lock(file) else None
