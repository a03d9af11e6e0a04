"""Processes of the benchmark: started apart, so that none slows another, and surely ended."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

_OURS = ("ANALYTICS_", "TEMPORAL_")
_TAIL_LINES = 20
_GRACE_SECONDS = 15.0
_PROC = Path("/proc")


class BenchmarkError(Exception):
    """A part did not do its work: there is no figure."""


def environment(**more: str) -> dict[str, str]:
    """This process's environment without any setting of the project, and these variables."""
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(_OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **more}


@dataclass(frozen=True, slots=True)
class Running:
    """A process, and the file that its output goes to."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    async def ended(self) -> BenchmarkError:
        """Wait for its end, which is one too early; returns what to say of it."""
        status = await self.process.wait()
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        return BenchmarkError(f"{self.name} ended with status {status}:\n{tail}")

    def peak_mib(self) -> float:
        """The most memory that it and its children have held, in MiB; 0 where nobody counts it."""
        return sum(map(_peak_mib, _family(self.process.pid)))


@asynccontextmanager
async def running(
    name: str,
    *command: str,
    environment: Mapping[str, str],
    folder: Path,
    program: str = sys.executable,
) -> AsyncIterator[Running]:
    """Run a program, by default Python, and end it with the block.

    Args:
        name: For its log file, and to speak of it.
        command: Its arguments.
        environment: All its environment variables.
        folder: Where the log file lies.
        program: The program.
    """
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            program,
            *command,
            env=dict(environment),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        yield Running(name, process, log)
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
        process.kill()
    await process.wait()


def counts_memory() -> bool:
    """Whether this system tells the peak of a process's memory, as Linux does."""
    return (_PROC / "self" / "status").exists()


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in _PROC.glob(f"{pid}/task/*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


def _peak_mib(pid: int) -> float:
    status = _PROC / str(pid) / "status"
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
