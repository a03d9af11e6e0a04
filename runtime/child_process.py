"""Child processes: start one, wait until it is ready, and end it within a deadline."""

import asyncio
import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Self

OUR_PREFIXES = ("ANALYTICS_", "TEMPORAL_", "LOCAL_")
"""The prefixes of environment variables that are settings of our programs."""

_POLL_SECONDS = 0.05
_SHOWN_LINES = 20
"""How many of the last lines an error contains."""


def environment_without_settings(**variables: str) -> dict[str, str]:
    """Return this process's environment without settings of our programs, plus these variables."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(OUR_PREFIXES)
    }
    return {**inherited, **variables}


class ChildProcess:
    """A program that runs in its own session, so that Ctrl-C in the terminal does not end it.

    Args:
        process: The running process.
        output: The file for its standard output and standard error; None if it shares those of this
            process.
    """

    def __init__(self, process: asyncio.subprocess.Process, output: Path | None) -> None:
        self.process = process
        self._output = output

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        folder: Path | None = None,
        output: Path | None = None,
        pass_fds: Collection[int] = (),
    ) -> Self:
        """Start a program.

        Args:
            command: The program and its arguments.
            environment: All environment variables of the program.
            folder: The working directory of the program; None is that of this process.
            output: The file to which the output is appended; None shares this process's output.
            pass_fds: The file descriptors that the program inherits.
        """
        with output.open("ab") if output else contextlib.nullcontext() as file:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        return cls(process, output)

    @property
    def lines(self) -> list[str]:
        """The lines of the output so far; empty if the program shares this process's output."""
        return self._output.read_text(errors="replace").splitlines() if self._output else []

    async def line(self, text: str, seconds: float = 60.0) -> str:
        """Wait for a line of the output with this text, like "worker started", and return it.

        Raises:
            TimeoutError: There was no such line in time.
            EOFError: The process ended without such a line.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    has_ended = self.process.returncode is not None
                    for line in self.lines:
                        if text in line:
                            return line
                    if has_ended:
                        reason = f"ended with status {self.process.returncode}"
                        raise EOFError(self._without_line(text, reason))
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise TimeoutError(self._without_line(text, f"{seconds:g} s")) from None

    def _without_line(self, text: str, reason: str) -> str:
        return "\n".join([f"no line with {text!r}: {reason}", *self.lines[-_SHOWN_LINES:]])

    async def ended(self, seconds: float | None = None) -> int:
        """Wait until the process ends; return its exit status, or minus the signal that ended it.

        Raises:
            TimeoutError: The process did not end in time.
        """
        return await asyncio.wait_for(self.process.wait(), seconds)

    async def stop(self, seconds: float) -> bool:
        """Terminate the process, and kill it after this time; return whether it ended before."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await self.ended(seconds)
        except TimeoutError:
            await self.kill()
            return False
        return True

    async def kill(self) -> None:
        """Kill the process if it runs, and wait until it ends."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
