"""Run each part of a benchmark in a process of its own, and read its memory and CPU time."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime.child_process import ChildProcess, environment_without_settings

ROOT = Path(__file__).parent.parent

_LOGGED_LINES = 20
_TERMINATION_SECONDS = 15.0
_PROC = Path("/proc")

_UTIME = 11
"""Index of the user time in /proc/PID/stat, counted after the name of the program; then follow the
system time, and both times of the children that have ended (see proc(5))."""


class BenchmarkError(Exception):
    """A process failed, so a comparison has no figure.

    Args:
        reason: One line.
        log: The last lines that the process printed.
    """

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.log = log


def clean_environment(**variables: str) -> dict[str, str]:
    """This process's environment without any setting of the project, plus these variables."""
    return environment_without_settings(
        **{"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **variables}
    )


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process, and the log file that holds its output."""

    name: str
    role: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.returncode is None

    async def wait_until_failed(self) -> BenchmarkError:
        """Wait for the end of a process that should still run; return the error to raise."""
        status = await self.process.wait()
        lines = self.log.read_text(errors="replace").splitlines()[-_LOGGED_LINES:]
        last_line = next((line for line in reversed(lines) if line.strip()), "no output")
        reason = f"{self.name} ended with status {status}: {last_line}"
        return BenchmarkError(reason, "\n".join(lines))

    async def kill(self) -> None:
        """Kill the process and its descendants with SIGKILL."""
        with contextlib.suppress(ProcessLookupError):  # all of them have ended
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    def peak_mib(self) -> float:
        """Peak memory of the process and its descendants in MiB; 0 without a /proc file system."""
        return sum(map(_read_peak_mib, _with_descendants(self.process.pid)))

    def cpu_seconds(self) -> float:
        """CPU time of the process and its descendants; 0 without a /proc file system."""
        return sum(map(_read_cpu_seconds, _with_descendants(self.process.pid)))


@asynccontextmanager
async def run_process(
    name: str,
    *command: str,
    role: str,
    environment: Mapping[str, str],
    folder: Path,
    program: str = sys.executable,
    root: Path = ROOT,
) -> AsyncIterator[RunningProcess]:
    """Run a program in a session of its own, and end it and what it started with the block.

    Args:
        name: Names the log file, and the process in errors.
        command: The arguments of the program.
        role: What its CPU time counts as: `client`, `worker`, `server`, `gateway`, `provider`, or
            `load` for a load generator.
        environment: All its environment variables.
        folder: The folder of the log file.
        program: The program; Python by default.
        root: Its working directory.
    """
    log = folder / f"{name}.log"
    process = await ChildProcess.start([program, *command], environment, folder=root, output=log)
    running = RunningProcess(name, role, process.process, log)
    try:
        yield running
    finally:
        await process.stop(_TERMINATION_SECONDS)
        await running.kill()


def can_read_other_processes() -> bool:
    """Whether this system shows the memory and CPU time of other processes, as Linux does."""
    return (_PROC / "self" / "status").exists()


def _with_descendants(pid: int) -> Iterator[int]:
    yield pid
    for children in _PROC.glob(f"{pid}/task/*/children"):
        for child in children.read_text().split():
            yield from _with_descendants(int(child))


def _read_peak_mib(pid: int) -> float:
    lines = _read(pid, "status").splitlines()
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def _read_cpu_seconds(pid: int) -> float:
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return sum(map(int, fields[_UTIME : _UTIME + 4])) / os.sysconf("SC_CLK_TCK")


def _read(pid: int, file: str) -> str:
    """Read a file of /proc; empty if the process has ended or there is no /proc."""
    try:
        return (_PROC / str(pid) / file).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
