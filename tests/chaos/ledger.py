"""The ledger: what was sent and accepted, and where each message was found."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from temporalio.client import Client

from durable_analytics.cli._message_report import CURRENT_STAGES, count_executions, total
from durable_analytics.cli._unreadable import UnreadableExecutions
from durable_analytics.redrive.failures import list_failed
from durable_analytics.redrive.filters import Filters
from durable_analytics.redrive.recorded import read_recorded
from durable_analytics.temporal.visibility import Deliveries
from tests.chaos.faults import Happened
from tests.chaos.processes import TASK_QUEUE, System
from tests.chaos.schedule import DUPLICATING
from tests.support.visible import open_deliveries

UNEXPLAINED = "unexplained"

_POLL_SECONDS = 1.0
_FAR_SECONDS = 15.0
"""A fault that is further from a message's arrival did not repeat it: no step of a delivery takes
longer."""


@dataclass(slots=True)
class Ledger:
    """Message ids, with times in seconds since the epoch."""

    sent_at: dict[str, float] = field(default_factory=dict)
    """All messages, by when their call began."""

    accepted_at: dict[str, float] = field(default_factory=dict)
    """Those whose call succeeded, by when it returned."""

    delivered_at: dict[str, list[float]] = field(default_factory=dict)
    """Those that the provider accepted, by when each of their requests arrived."""

    failed_at: dict[str, float] = field(default_factory=dict)
    """Those that `durable-analytics failed list` shows, by when their execution closed."""

    def sent(self, ids: Iterable[str]) -> None:
        """Note that calls begin."""
        self.sent_at |= dict.fromkeys(ids, time.time())

    def accepted(self, ids: Iterable[str]) -> None:
        """Note that calls have succeeded."""
        self.accepted_at |= dict.fromkeys(ids, time.time())

    @property
    def lost(self) -> list[str]:
        """The accepted messages that were neither delivered nor visibly failed."""
        return [
            message_id
            for message_id in self.accepted_at
            if message_id not in self.delivered_at and message_id not in self.failed_at
        ]

    @property
    def failed(self) -> list[str]:
        """The accepted messages that visibly failed and were not delivered."""
        return [
            message_id
            for message_id in self.accepted_at
            if message_id in self.failed_at and message_id not in self.delivered_at
        ]

    @property
    def duplicated(self) -> list[str]:
        """The messages that the provider accepted more than once."""
        return [message_id for message_id, times in self.delivered_at.items() if len(times) > 1]

    def reason(self, message_id: str, happened: Sequence[Happened]) -> str:
        """Return the fault that repeated a message: the one nearest to its first arrival.

        Only faults between its call and its repeat are considered, and only those after which
        somebody does not know that a step has succeeded.
        """
        sent, arrivals = self.sent_at[message_id], sorted(self.delivered_at[message_id])
        first, repeated = arrivals[0], arrivals[-1]
        causes = {
            (max(0.0, one.began - first, first - one.ended), -one.began): one.fault.kind
            for one in happened
            if one.fault.kind in DUPLICATING and one.began <= repeated and one.ended >= sent
        }
        nearest = min(causes, default=(_FAR_SECONDS, 0.0))
        return causes[nearest] if nearest[0] < _FAR_SECONDS else UNEXPLAINED

    def recovery_seconds(self, healed: float) -> float:
        """Return how long after the healing the last accepted message was delivered or failed."""
        settled = [
            min(self.delivered_at.get(message_id, []) or [self.failed_at[message_id]])
            for message_id in self.accepted_at
            if message_id in self.delivered_at or message_id in self.failed_at
        ]
        return max(0.0, max(settled, default=healed) - healed)


async def wait_until_settled(client: Client, seconds: float) -> bool:
    """Wait until no execution is open; return whether that was so in time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        await asyncio.sleep(_POLL_SECONDS)  # a new execution is listed after half a second
        if not (await client.count_workflows(open_deliveries(TASK_QUEUE))).count:
            return True
    return False


async def look_for_messages(ledger: Ledger, system: System) -> None:
    """Note what the provider has accepted, and what visibly failed."""
    async with httpx.AsyncClient(trust_env=False, timeout=120) as http:
        rows = (await http.get(f"{system.standin_url}/requests")).json()
    for row in rows:
        if row["answered"] is not None and 200 <= row["answered"] < 300:
            arrived = datetime.fromisoformat(row["received_at"]).timestamp()
            for message in row["body"].get("batch", [row["body"]]):
                ledger.delivered_at.setdefault(message["messageId"], []).append(arrived)
    async for failed in list_failed(system.client, Filters(), TASK_QUEUE):
        recorded = await read_recorded(
            system.client, failed.method, failed.workflow_id, failed.run_id
        )
        for index in failed.indexes:
            ledger.failed_at[recorded.message_id(index)] = failed.closed_at.timestamp()


async def report(client: Client) -> dict[str, int]:
    """Return how many messages `durable-analytics report` counts, by how they ended."""
    deliveries = await Deliveries.find(client, TASK_QUEUE)
    unreadable = UnreadableExecutions()
    since, until = datetime.fromtimestamp(0, UTC), datetime.now(UTC)
    rows = await count_executions(deliveries, since, until, unreadable)
    counted = total(rows.values()).as_json()
    return {name: counted[name] for name in ("received", *CURRENT_STAGES)}
