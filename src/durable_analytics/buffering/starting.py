"""From a batch of messages to executions that Temporal has: repeated, and split where refused."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.buffering.connecting import Connection
from durable_analytics.buffering.outage import Outage
from durable_analytics.buffering.telling import Teller
from durable_analytics.contract import BATCH
from durable_analytics.errors import NotAccepted
from durable_analytics.messages import JsonObject

_ATTEMPT = timedelta(seconds=5)
"""One attempt to start; `rpc_timeout` alone bounds one of the several that the SDK makes of it."""

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


class Refused(Exception):
    """Temporal will not take this input, however often it is sent."""


class Starter:
    """Starts `Batch` executions, and tells the messages' callers.

    Args:
        options: The keys of the input beside its messages.
        task_queue: Where the workers poll.
        connection: Where to start them.
        outage: Hears of attempts that fail and succeed.
        teller: Hears of messages.
    """

    def __init__(
        self,
        options: JsonObject,
        *,
        task_queue: str,
        connection: Connection,
        outage: Outage,
        teller: Teller,
    ) -> None:
        self._envelope = to_json({**options, "messages": []}).removesuffix(b"]}")
        self._name = f"{options.get('integration') or 'default'}:{BATCH.key}"
        self._task_queue = task_queue
        self._connection = connection
        self._outage = outage
        self._teller = teller

    async def start(self, items: Sequence[bytes], left: list[bytes]) -> None:
        """Return once Temporal has all of these, or has refused some for good.

        Args:
            items: What fits one execution.
            left: Where this is cancelled, it gets those of which nobody has been told.
        """
        parts = [items]
        try:
            while parts:
                try:
                    workflow_id = await self._started(parts[-1])
                except Refused as refused:
                    self._split(parts, refused)
                else:
                    self._teller.kept(parts.pop(), workflow_id)
        finally:
            left += [item for part in reversed(parts) for item in part]

    def _split(self, parts: list[Sequence[bytes]], refused: Refused) -> None:
        part = parts.pop()
        if len(part) == 1:
            self._teller.lost(part, NotAccepted(f"Temporal refuses the message: {refused}"))
            return
        middle = len(part) // 2
        parts += [part[middle:], part[:middle]]

    async def _started(self, items: Sequence[bytes]) -> str:
        # Fixed for all attempts, so that one whose answer was lost is joined by the next.
        workflow_id = f"{self._name}:{uuid4()}"
        data = b"%b%b]}" % (self._envelope, b",".join(items))
        payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
        pause_seconds = _FIRST_PAUSE_SECONDS
        while (failure := await self._attempt(workflow_id, payload)) and not is_refusal(failure):
            self._outage.goes_on(workflow_id, _in_words(failure))
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._outage.is_over(workflow_id)
        if failure:
            raise Refused(str(failure)) from failure
        return workflow_id

    async def _attempt(self, workflow_id: str, payload: Payload) -> Exception | None:
        """Start it once; returns why it is not known to be started."""
        try:
            client = await self._connection.client()
            async with asyncio.timeout(_ATTEMPT.total_seconds()):
                await client.start_workflow(
                    BATCH.workflow,
                    RawValue(payload),
                    id=workflow_id,
                    task_queue=self._task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                    rpc_timeout=_ATTEMPT,
                )
        except WorkflowAlreadyStartedError:
            return None  # An attempt whose answer was lost had started it.
        except Exception as failure:  # noqa: BLE001  # whatever it is, the messages are kept
            return failure
        return None


def is_refusal(failure: Exception) -> bool:
    """Whether repeating the same start is in vain."""
    if not isinstance(failure, RPCError):
        return False
    # The status of a server that is busy, too.
    too_large = (
        failure.status is RPCStatusCode.RESOURCE_EXHAUSTED and "larger than max" in failure.message
    )
    return too_large or failure.status is RPCStatusCode.INVALID_ARGUMENT


def _in_words(failure: Exception) -> str:
    if isinstance(failure, TimeoutError):
        return "it did not answer in time"
    if isinstance(failure, RPCError):
        return f"{failure.status.name}: {failure.message}"
    return f"{type(failure).__name__}: {failure}"
