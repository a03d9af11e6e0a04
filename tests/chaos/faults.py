"""How each kind of fault is caused, and how it ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from temporalio.service import RPCError

from durable_analytics.temporal.integration_control import pause, resume
from tests.chaos.processes import INTEGRATION, TASK_QUEUE, System
from tests.chaos.schedule import Fault

_ANSWERS_TO_CUT = 2
"""Each of them repeats all messages of its request."""

_DELAY_SECONDS = 1.0
_5_MB = "x" * 5_000_000

ANSWERS: dict[str, list[dict[str, Any]]] = {
    "provider 500": [{"status": 500}] * 8,
    "provider 429": [{"status": 429, "headers": {"Retry-After": "2"}}] * 4,
    "provider malformed": [{"status": 200, "body": '{"success": tr'}] * 4,
    "provider 5 MB": [{"status": 200, "body": _5_MB}, {"status": 500, "body": _5_MB}],
    "provider 401": [{"status": 401, "body": '{"success": false}'}] * 12,
    # Longer than an attempt may take, and then without an answer.
    "provider hangs": [{"delay": 12, "drop": True}] * 3,
}
"""The next answers of the stand-in."""


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault that has ended, with its times in seconds since the epoch."""

    fault: Fault
    began: float
    ended: float
    """When the processes were ready again."""


class Faults:
    """Carries out the schedule.

    Args:
        system: The processes.
        say: Prints a line.
    """

    def __init__(self, system: System, say: Callable[[str], None]) -> None:
        self._system = system
        self._say = say
        self.happened: list[Happened] = []

    async def run(self, schedule: Sequence[Fault]) -> None:
        """Cause all faults at their times, and return when the last one has ended."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for fault in schedule:
                await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
                self._say(f"{fault.at:6.1f} s  {fault.kind} {fault.target + 1}, {fault.seconds} s")
                group.create_task(self._happens(fault))

    async def _happens(self, fault: Fault) -> None:
        began = time.time()
        await self._cause(fault)
        self.happened.append(Happened(fault, began, time.time()))

    async def _cause(self, fault: Fault) -> None:
        how, _, what = fault.kind.partition(" ")
        system = self._system
        if what in {"worker", "gateway", "server"}:
            programs = {
                "worker": system.workers,
                "gateway": system.gateways,
                "server": [system.server],
            }[what]
            program = programs[fault.target % len(programs)]
            actions: dict[str, Callable[[float], Awaitable[None]]] = {
                "kill": program.kill_for,
                "terminate": program.terminate_for,
                "freeze": program.freeze_for,
            }
            await actions[how](fault.seconds)
        elif fault.kind == "pause":
            await self._pause(fault.seconds)
        elif fault.kind in ANSWERS:
            await self._script(fault.kind)
            await asyncio.sleep(fault.seconds)
            if fault.kind == "provider 401":
                # Refused credentials pause an integration until an operator resumes it.
                await self._persistently(self._resume)
        else:
            await self._disturb(fault)

    async def _disturb(self, fault: Fault) -> None:
        is_temporal = fault.kind.endswith("temporal")
        proxy = self._system.to_temporal if is_temporal else self._system.to_provider
        how = fault.kind.split()[0]
        if how == "delay":
            proxy.delay_seconds = _DELAY_SECONDS
        elif how == "stall":
            proxy.stall()
        elif "answers" in fault.kind:
            proxy.answers_to_cut = _ANSWERS_TO_CUT
        else:
            proxy.disconnect()
        await asyncio.sleep(fault.seconds)
        proxy.delay_seconds = 0.0
        proxy.answers_to_cut = 0
        proxy.restore()

    async def _script(self, kind: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            script = {"integration": INTEGRATION, "answers": ANSWERS[kind]}
            response = await http.post(f"{self._system.standin_url}/script", json=script)
            response.raise_for_status()

    async def _pause(self, seconds: float) -> None:
        client = self._system.client

        async def begin() -> None:
            await pause(client, TASK_QUEUE, INTEGRATION, reason="chaos")

        await self._persistently(begin)
        await asyncio.sleep(seconds)
        await self._persistently(self._resume)

    async def _resume(self) -> None:
        await resume(self._system.client, TASK_QUEUE, INTEGRATION)

    async def _persistently(self, command: Callable[[], Awaitable[None]]) -> None:
        """Repeat a command while Temporal is out of reach, as an operator would."""
        while True:
            try:
                await command()
            except RPCError as error:
                self._say(f"         the command failed: {error.status.name}")
                await asyncio.sleep(1)
            else:
                return
