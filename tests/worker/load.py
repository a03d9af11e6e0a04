"""Messages to Segment while processes are replaced: each with an id of its own."""

import asyncio
import uuid
from typing import Any

from temporalio.client import Client, WorkflowHandle

from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.worker_settings import QUICK_RETRIES
from tests.worker.deliveries import outcome

SINGLES, BATCHES, MESSAGES_OF_BATCH = 100, 2, 450
"""A thousand messages."""


class Load:
    """The messages that a test has sent.

    Args:
        task_queue: The task queue.
    """

    def __init__(self, task_queue: str) -> None:
        self._task_queue = task_queue
        self.handles: list[WorkflowHandle[Any, Any]] = []
        self.ids: list[str] = []

    async def start_thousand(self, client: Client) -> None:
        """Start a thousand messages: singles, and two batches."""
        await self.start(client, SINGLES, BATCHES, MESSAGES_OF_BATCH)

    async def start(
        self, client: Client, singles: int = 5, batches: int = 1, of_batch: int = 20
    ) -> None:
        """Start single messages, and batches."""
        inputs: list[tuple[str, Json]] = [
            *(("Track", {"track": self.message()}) for _ in range(singles)),
            *(("Batch", {"messages": self.messages(of_batch)}) for _ in range(batches)),
        ]
        self.handles += await asyncio.gather(
            *(self._start(client, workflow, data) for workflow, data in inputs)
        )

    def message(self) -> Json:
        """A new message."""
        self.ids.append(str(uuid.uuid4()))
        return {"user_id": "u-1", "event": "Hi", "message_id": self.ids[-1]}

    def messages(self, count: int) -> list[Json]:
        """New messages of a batch."""
        return [{"type": "track", **self.message()} for _ in range(count)]

    async def _start(self, client: Client, workflow: str, data: Json) -> WorkflowHandle[Any, Any]:
        return await client.start_workflow(
            workflow,
            {"integration": "segment", "policies": QUICK_RETRIES, **data},
            id=f"test-{uuid.uuid4()}",
            task_queue=self._task_queue,
        )

    async def statuses(self, client: Client, *, of_last: int = 0) -> set[str]:
        """Wait for the end of all executions; returns the statuses of their outputs.

        Args:
            client: The client that reads them.
            of_last: How many of the last executions; 0 for all of them.
        """
        handles = [client.get_workflow_handle(one.id) for one in self.handles[-of_last:]]
        outputs = await asyncio.gather(*(outcome(handle) for handle in handles))
        return {output["status"] for output in outputs}

    def accepted(self, standin: StandIn) -> list[str]:
        """The ids that the provider has accepted, in the order of `ids`.

        Others do not count: a response to a test before may have been delayed until now.
        """
        position = {message_id: number for number, message_id in enumerate(self.ids)}
        found = [str(message.id) for message in standin.accepted["segment"]]
        return sorted((one for one in found if one in position), key=position.__getitem__)

    def in_flight(self, standin: StandIn) -> int:
        """How many messages wait or are being sent."""
        return len(self.ids) - len(standin.accepted["segment"])
