"""Idempotent starts of executions: of one message, or of a `Batch` of serialized messages."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import (
    RawValue,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, id_prefix
from durable_analytics.wire.search_attributes import start_attributes
from durable_analytics.wire.summaries import summarize_batch

log = logging.getLogger("durable_analytics.client")


@dataclass(frozen=True, slots=True)
class VisibleFields:
    """What lists of executions and the Temporal UI show of an execution: no personal data."""

    summary: str
    attributes: TypedSearchAttributes


async def start_once(
    client: Client,
    workflow: str,
    input: Any,
    *,
    workflow_id: str,
    task_queue: str,
    start_timeout: timedelta,
    visible: VisibleFields | None = None,
    start_eagerly: bool = False,
) -> None:
    """Start an execution, and return when Temporal has it; a call with the same id joins it.

    An execution with this id that is running or has completed counts as started. One that has
    failed is started again.

    Args:
        client: The connection.
        workflow: The workflow type.
        input: The argument of the workflow.
        workflow_id: The workflow id, the same in each attempt.
        task_queue: The task queue of the workers.
        start_timeout: The time for all attempts of the SDK together.
        visible: The summary and search attributes of the execution. If the namespace does not
            support them, the execution starts without them.
        start_eagerly: Whether a worker on the same connection may begin at once.

    Raises:
        RPCError: Temporal did not accept the start.
        TimeoutError: Temporal did not respond in time; it may have the execution.
    """

    async def start(summary: str | None, attributes: TypedSearchAttributes) -> None:
        with suppress(
            WorkflowAlreadyStartedError
        ):  # The execution of an earlier call has completed.
            await client.start_workflow(
                workflow,
                input,
                id=workflow_id,
                task_queue=task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                search_attributes=attributes,
                static_summary=summary,
                rpc_timeout=start_timeout,
                request_eager_start=start_eagerly,
            )

    # `rpc_timeout` limits one of the several attempts that the SDK makes.
    async with asyncio.timeout(start_timeout.total_seconds()):
        summary, attributes = (visible.summary, visible.attributes) if visible else (None, _NONE)
        if _are_missing(client):
            attributes = _NONE
        while True:
            try:
                await start(summary, attributes)
            except RPCError as error:
                # The start must not fail because of fields that are only for the UI.
                refused = error.message.lower()
                if attributes is not _NONE and _SEARCH_ATTRIBUTE in refused:
                    _remember_missing(client)
                    attributes = _NONE
                elif summary is not None and any(name in refused for name in _SUMMARY):
                    summary = None
                else:
                    raise
            else:
                return


_NONE = TypedSearchAttributes.empty

_SEARCH_ATTRIBUTE = "search attribute"
_SUMMARY = ("summary", "metadata")
"""Words in the server's error message if it refuses a start because of the summary."""

_MISSING_SECONDS = 60.0
"""How long it is remembered that a namespace has no search attributes."""

_missing_until: WeakKeyDictionary[Client, float] = WeakKeyDictionary()
"""When to try again to set them, by the connection."""


def _are_missing(client: Client) -> bool:
    return time.monotonic() < _missing_until.get(client, 0.0)


def _remember_missing(client: Client) -> None:
    if client not in _missing_until:
        log.warning("search attributes are not registered: `durable-analytics setup` does that")
    _missing_until[client] = time.monotonic() + _MISSING_SECONDS


def is_permanent(failure: BaseException | None) -> bool:
    """Whether Temporal would refuse the same start again."""
    if not isinstance(failure, RPCError):
        return False
    # A busy server responds with the same status.
    is_too_large = (
        failure.status is RPCStatusCode.RESOURCE_EXHAUSTED and "larger than max" in failure.message
    )
    return is_too_large or failure.status is RPCStatusCode.INVALID_ARGUMENT


def describe_failure(failure: Exception) -> str:
    """Return why a start failed, for a log."""
    if isinstance(failure, TimeoutError):
        return "it did not respond in time"
    if isinstance(failure, RPCError):
        return f"{failure.status.name}: {failure.message}"
    return f"{type(failure).__name__}: {failure}"


def batch_id(options: Mapping[str, Any], unique: object) -> str:
    """Return the workflow id of a batch.

    Args:
        options: The keys of its input beside its messages.
        unique: A UUID of this batch.
    """
    return f"{id_prefix(options)}:{BATCH.key}:{unique}"


def batch_envelope(options: JsonObject) -> bytes:
    """Return the JSON of a batch's input up to its messages.

    Args:
        options: The keys of the input except `messages`.
    """
    return to_json({**options, "messages": []}).removesuffix(b"]}")


def batch_input(envelope: bytes, items: Sequence[bytes]) -> RawValue:
    """Return the input of a batch with these messages, each written as JSON."""
    data = b"%b%b]}" % (envelope, b",".join(items))
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))


async def start_batch(
    client: Client,
    workflow_id: str,
    input: RawValue,
    *,
    integrations: Sequence[str],
    count: int,
    task_queue: str,
    start_timeout: timedelta,
) -> None:
    """Start a `Batch` with `start_once`.

    Args:
        client: The connection.
        workflow_id: The workflow id, the same in each attempt.
        input: The input, from `batch_input`.
        integrations: The integrations that the input names.
        count: The number of its messages.
        task_queue: The task queue of the workers.
        start_timeout: The time for all attempts of the SDK together.

    Raises:
        RPCError: Temporal did not accept the start.
        TimeoutError: Temporal did not respond in time; it may have the execution.
    """
    await start_once(
        client,
        BATCH.workflow,
        input,
        workflow_id=workflow_id,
        task_queue=task_queue,
        start_timeout=start_timeout,
        visible=VisibleFields(summarize_batch(count, integrations), start_attributes(integrations)),
    )
