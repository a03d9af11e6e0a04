"""One run: load and faults, then healing, then the search for every accepted message."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from temporalio.runtime import Runtime, TelemetryConfig

from durable_analytics.temporal.connection import connect
from tests.chaos.faults import Faults
from tests.chaos.ledger import Ledger, look_for_messages, report, wait_until_settled
from tests.chaos.load import Load
from tests.chaos.processes import system
from tests.chaos.report import Figures, figures
from tests.chaos.schedule import plan

_SETTLE_SECONDS = 180.0
"""How long the search waits for open executions: longer than the budget, so that a slow recovery is
not reported as a loss."""


async def run(
    seed: int,
    seconds: float,
    folder: Path,
    say: Callable[[str], None],
    *,
    count: int | None = None,
) -> Figures:
    """Run once, and return the figures.

    Args:
        seed: The seed of the faults and of the load.
        seconds: How long the load lasts.
        folder: An empty folder for the server's file and the logs.
        say: Prints a line.
        count: How many faults; None for each kind once.
    """
    schedule = plan(seed, seconds, count)
    ledger = Ledger()
    async with system(folder) as processes:
        # Without the SDK's warnings of each call that it repeats.
        runtime = Runtime(telemetry=TelemetryConfig(logging=None))
        client = await connect(
            timedelta(seconds=60), target_host=processes.to_temporal.address, runtime=runtime
        )
        load = Load(client, list(processes.gateway_urls), ledger, seed)
        faults = Faults(processes, say)
        await asyncio.gather(load.run(seconds), faults.run(schedule))
        healed = time.time()
        say("         healed")
        await load.finish()
        if not await wait_until_settled(processes.client, _SETTLE_SECONDS):
            say("         executions are still open")
        await look_for_messages(ledger, processes)
        reported = await report(processes.client)
    (folder / "ledger.json").write_text(json.dumps(asdict(ledger)))
    return figures(
        ledger, faults.happened, seed=seed, seconds=seconds, healed=healed, report=reported
    )
