"""Runs `make run` in a folder of its own."""

import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.support.free_ports import free_ports
from tests.worker.processes import Running, clean_environment, running
from worker.local_children import Child

CHILDREN = ("temporal", "standin", "worker", "gateway")
PORTS = ("TEMPORAL", "UI", "STANDIN", "GATEWAY", "METRICS", "GATEWAY_METRICS")


def local_ports() -> dict[str, str]:
    """The settings of where a run listens, on ports that nobody listens on."""
    names = [f"LOCAL_{name}_PORT" for name in PORTS]
    return dict(zip(names, map(str, free_ports(len(names))), strict=True))


@asynccontextmanager
async def local(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Running]:
    """`make run` in a folder; no process of it is left at the end."""
    try:
        async with running(
            "-m", "worker.local", environment=clean_environment(**environment), cwd=folder
        ) as run:
            yield run
    finally:
        kill_leftovers(folder)


def kill_leftovers(folder: Path) -> None:
    """Kill what an ended `make run` has left in a folder."""
    for name in CHILDREN if (folder / ".temporal").is_dir() else ():
        if pid := Child(name, folder / ".temporal").leftover_pid():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
