"""The start of a `Batch` whose messages are written already."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.contract import BATCH
from durable_analytics.messages import JsonObject


def batch_envelope(options: JsonObject) -> bytes:
    """The beginning of an input, up to its messages.

    Args:
        options: The keys beside `messages`.
    """
    return to_json({**options, "messages": []}).removesuffix(b"]}")


def batch_input(envelope: bytes, items: Sequence[bytes]) -> RawValue:
    """The input with these messages, each as JSON."""
    data = b"%b%b]}" % (envelope, b",".join(items))
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))


async def start_batch(
    client: Client, workflow_id: str, input: RawValue, *, task_queue: str, patience: timedelta
) -> None:
    """Return once Temporal has the execution: started here, before, or by somebody else.

    Raises:
        RPCError: Temporal did not take it.
        TimeoutError: It did not answer in time; it may have it.
    """
    # `rpc_timeout` bounds one of the several attempts that the SDK makes.
    async with asyncio.timeout(patience.total_seconds()):
        try:
            await client.start_workflow(
                BATCH.workflow,
                input,
                id=workflow_id,
                task_queue=task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                rpc_timeout=patience,
            )
        except WorkflowAlreadyStartedError:
            return  # It has run; an attempt whose answer was lost may have started it.


def batch_id(integration: str | None, unique: object) -> str:
    """The workflow id of a batch.

    Args:
        integration: Where it goes; None lets the worker choose.
        unique: What tells it from all others, a UUID.
    """
    return f"{integration or 'default'}:{BATCH.key}:{unique}"


def is_refusal(failure: Exception) -> bool:
    """Whether repeating the same start is in vain."""
    if not isinstance(failure, RPCError):
        return False
    # The status of a server that is busy, too.
    too_large = (
        failure.status is RPCStatusCode.RESOURCE_EXHAUSTED and "larger than max" in failure.message
    )
    return too_large or failure.status is RPCStatusCode.INVALID_ARGUMENT


def in_words(failure: Exception) -> str:
    """Why a start failed, for a log."""
    if isinstance(failure, TimeoutError):
        return "it did not answer in time"
    if isinstance(failure, RPCError):
        return f"{failure.status.name}: {failure.message}"
    return f"{type(failure).__name__}: {failure}"
