"""Child processes of `make run`, found again and ended after their parent was killed."""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from durable_analytics.errors import SettingsError

_GRACE_SECONDS = 20.0
_POLL_SECONDS = 0.05


class Child:
    """A process that holds a lock for as long as it lives.

    The lock lies on the file that names its process id, and the process inherits it: so a held lock
    proves that the id still means this process, and not another one that got the number since.

    Args:
        name: Names the file, and the child in messages.
        folder: Where the file lies.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._path = folder / f"{name}.pid"
        self._process: asyncio.subprocess.Process | None = None

    def left_over(self) -> int | None:
        """The id of the process that an earlier, killed run left behind.

        Raises:
            SettingsError: There is one, and nobody knows its id.
        """
        with self._path.open("a+") as file:
            if _lock(file):
                return None
            file.seek(0)
            if pid := int(file.read() or 0):
                return pid
        # Its parent was killed in the moment between its start and this note of it.
        told = f"a process of an earlier run still holds {self._path}: end it, then try again"
        raise SettingsError([told])

    async def end_left_over(self) -> None:
        """End the process that an earlier run left behind, if there is one."""
        if (pid := self.left_over()) is None:
            return
        for signum in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(TimeoutError, ProcessLookupError):
                os.kill(pid, signum)
                async with asyncio.timeout(_GRACE_SECONDS):
                    while self.left_over() is not None:  # noqa: ASYNC110  # no child: no event
                        await asyncio.sleep(_POLL_SECONDS)
                return

    async def start(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path | None = None
    ) -> Self:
        """Start the process, out of reach of the terminal's Ctrl-C.

        Args:
            command: The program and its arguments.
            environment: All its environment variables.
            log: Where its output goes; None shares this process's.
        """
        with self._path.open("w+") as file:
            _lock(file)
            output = log.open("ab") if log else None
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *command,
                    env=dict(environment),
                    stdout=output,
                    stderr=output,
                    pass_fds=[file.fileno()],
                    start_new_session=True,
                )
            finally:
                if output:
                    output.close()
            file.write(str(self._process.pid))
        return self

    async def ended(self) -> int:
        """Wait for the process, and return its exit status (negative: the signal)."""
        assert self._process  # noqa: S101  # started before
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask the process to end, and insist after the grace."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _GRACE_SECONDS)
        except TimeoutError:
            print(f"{self.name} did not end; killed", file=sys.stderr)  # noqa: T201
            self._process.kill()
            await self._process.wait()


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def hold(path: Path) -> IO[str] | None:
    """Take a lock for the life of this process; None where another one has it."""
    file = path.open("a")
    return file if _lock(file) else None
