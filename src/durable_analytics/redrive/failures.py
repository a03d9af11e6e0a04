"""Failed deliveries: failed executions, and the refused messages of batches."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from temporalio import exceptions
from temporalio.client import Client, WorkflowExecution, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.errors import Unavailable, UnreadablePayload, ValidationError, shorten
from durable_analytics.redrive.concurrency import map_concurrently
from durable_analytics.redrive.filters import Filters, build_queries, has_search_attributes
from durable_analytics.redrive.names import Origin, is_redrive
from durable_analytics.redrive.recorded import METHOD_BY_WORKFLOW, read_recorded
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, Method
from durable_analytics.wire.timestamps import write_timestamp

UNREADABLE = "UnreadablePayload"
"""The type of what failed in an execution whose output this process has no key for."""

_TIMED_OUT = "the execution has timed out, because its caller had limited its time"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDelivery:
    """A failed execution, one that timed out, or the refused messages of a batch."""

    workflow_id: str
    run_id: str
    method: Method
    integration: str | None
    type: str
    """The failure type, of refused messages the most frequent; or `UNREADABLE`."""

    message: str
    closed_at: datetime
    indexes: tuple[int, ...]
    """The failed messages of a batch, by their index in the input; of a single message, 0."""

    output: JsonObject
    """The output of the contract, of a fan-out that of the integration; empty if there is none."""

    is_fan_out: bool = False
    """Whether it is the delivery of a fan-out to the integration."""

    deliveries: JsonObject = field(default_factory=dict)
    """The outputs of all deliveries of the fan-out, by integration; empty if there are none."""

    def has_reached(self, integration: str, index: int) -> bool:
        """Whether the fan-out has delivered a message to another one of its integrations."""
        output = self.deliveries.get(integration) or {}
        others = (*(output.get("rejected") or ()), *_filtered_messages(output))
        return output.get("status") in ("success", "partial") and not any(
            one["index"] == index for one in others
        )

    def origin(self, index: int, run_id: str | None = None) -> Origin:
        """Return the place of a message.

        Args:
            index: Its index in the input.
            run_id: Another run of the execution; None means its own.
        """
        part = self.integration if self.is_fan_out else None
        return Origin(self.workflow_id, run_id or self.run_id, index, part or "")

    def as_json(self) -> JsonObject:
        """Return the row of a list."""
        return {
            "workflow_id": self.workflow_id,
            "run_id": self.run_id,
            "method": self.method.key,
            "integration": self.integration and shorten(self.integration),
            "type": self.type,
            "message": self.message,
            "closed_at": write_timestamp(self.closed_at),
            "messages": len(self.indexes),
        }


async def list_failed(
    client: Client, filters: Filters, task_queue: str
) -> AsyncGenerator[FailedDelivery, None]:
    """Yield the failed deliveries, the newest first; failed executions before partial batches.

    Redrives are left out: what they could not deliver is still failed where it failed first.
    An execution that cannot be read is listed unless its search attributes exclude it.

    Args:
        client: A client that can read the payloads.
        filters: Which failed deliveries are meant.
        task_queue: The task queue of the workers.
    """

    async def read(execution: WorkflowExecution) -> list[FailedDelivery]:
        try:
            failed = await read_failed(client, execution)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return []  # Its retention has just ended.
        except UnreadablePayload as error:
            return [_unreadable(execution, error)]
        return [one for each in failed if (one := _filtered(each, filters))]

    has_attributes = await has_search_attributes(client)
    for query in build_queries(filters, task_queue, has_attributes=has_attributes):
        async for failed in map_concurrently(read, _executions(client, query, task_queue)):
            for one in failed:
                yield one


def _unreadable(execution: WorkflowExecution, error: UnreadablePayload) -> FailedDelivery:
    return FailedDelivery(
        workflow_id=execution.id,
        run_id=execution.run_id,
        method=METHOD_BY_WORKFLOW[execution.workflow_type],
        integration=None,
        type=UNREADABLE,
        message=str(error),
        closed_at=execution.close_time or execution.start_time,
        indexes=(0,),
        output={},
    )


async def _executions(
    client: Client, query: str, task_queue: str
) -> AsyncIterator[WorkflowExecution]:
    async for execution in client.list_workflows(query):
        if not is_redrive(task_queue, execution.id):
            yield execution


async def read_failed(client: Client, execution: WorkflowExecution) -> list[FailedDelivery]:
    """Return what failed in a closed execution, of a fan-out at each integration.

    Raises:
        UnreadablePayload: Its output is encrypted with a key that is not there.
    """
    handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
    error: JsonObject | None = None
    try:
        output = await handle.result(follow_runs=False)
    except WorkflowFailureError as failure:
        error, output = read_failure(failure)
    output = output if isinstance(output, dict) else {}
    deliveries = output.get("deliveries")
    if not isinstance(deliveries, dict):
        return await _failed(client, execution, error, output)
    return [
        replace(failed, is_fan_out=True, deliveries=deliveries)
        for name, one in deliveries.items()
        for failed in await _failed(
            client, execution, one.get("error"), {**one, "integration": name}
        )
    ]


async def _failed(
    client: Client, execution: WorkflowExecution, error: JsonObject | None, output: JsonObject
) -> list[FailedDelivery]:
    """Return what failed according to one output: nothing if everything was delivered.

    A fan-out that failed as a whole has one output, which names no integration. It failed at each.
    """
    method = METHOD_BY_WORKFLOW[execution.workflow_type]
    rejected = _rejected(output)
    error = error or _most_frequent(rejected)
    if error is None:
        return []
    integration = output.get("integration")
    failed = FailedDelivery(
        workflow_id=execution.id,
        run_id=execution.run_id,
        method=method,
        integration=integration if isinstance(integration, str) else None,
        type=error["type"],
        message=error["message"],
        closed_at=execution.close_time or execution.start_time,
        indexes=tuple(one["index"] for one in rejected) or (0,),
        output=output,
    )
    is_known = failed.integration is not None and (rejected or method is not BATCH)
    return [failed] if is_known else await _with_input(client, failed, has_indexes=bool(rejected))


async def _with_input(
    client: Client, failed: FailedDelivery, *, has_indexes: bool
) -> list[FailedDelivery]:
    """Add what only the input tells: the integrations, and how many messages there are."""
    try:
        recorded = await read_recorded(client, failed.method, failed.workflow_id, failed.run_id)
    except (ValidationError, UnreadablePayload):
        return [failed]
    name = failed.integration or recorded.data.get("integration")
    indexes = failed.indexes if has_indexes else tuple(range(recorded.count()))
    failed = replace(
        failed, integration=name if isinstance(name, str) else None, indexes=indexes or (0,)
    )
    if name is not None:
        return [failed]
    names = recorded.deliver_to()
    several = [replace(failed, integration=one, is_fan_out=True) for one in names]
    return several or [failed]


def read_failure(failure: WorkflowFailureError) -> tuple[JsonObject, Any]:
    """Return the error of a failed execution, and its output if it has one."""
    cause = failure.cause
    if isinstance(cause, exceptions.TimeoutError):
        return Unavailable(_TIMED_OUT).as_json(), None
    if not isinstance(cause, exceptions.ApplicationError):
        return {"type": type(cause).__name__, "message": str(cause)}, None
    error = {"type": cause.type or "Unknown", "message": cause.message}
    return error, cause.details[0] if cause.details else None


def first_error(output: Any) -> JsonObject | None:
    """Return the error of the first message that an output says was not delivered."""
    if not isinstance(output, dict):
        return None
    deliveries = (output.get("deliveries") or {}).values()  # of a fan-out
    errors = [*(one["error"] for one in _rejected(output)), *map(first_error, deliveries)]
    return next(filter(None, [*errors, output.get("error")]), None)


def _rejected(output: JsonObject) -> list[JsonObject]:
    rejected = output.get("rejected")
    return [one for one in rejected if isinstance(one, dict)] if isinstance(rejected, list) else []


def _filtered_messages(output: JsonObject) -> list[JsonObject]:
    """Return the messages of a batch that were rightly not sent."""
    filtered = output.get("filtered")
    return filtered if isinstance(filtered, list) else []


def _most_frequent(rejected: list[JsonObject]) -> JsonObject | None:
    if not rejected:
        return None
    ((kind, _),) = Counter(one["error"]["type"] for one in rejected).most_common(1)
    error: JsonObject = next(o["error"] for o in rejected if o["error"]["type"] == kind)
    return error


def _filtered(failed: FailedDelivery, filters: Filters) -> FailedDelivery | None:
    """Return the failed delivery with only the messages that the filters mean."""
    if filters.integration not in {None, failed.integration}:
        return None
    if filters.type is None:
        return failed
    rejected = _rejected(failed.output)
    if failed.method is not BATCH or not rejected:
        return failed if failed.type == filters.type else None
    chosen = [one for one in rejected if one["error"]["type"] == filters.type]
    error = _most_frequent(chosen)
    if error is None:
        return None
    indexes = tuple(one["index"] for one in chosen)
    return replace(failed, type=error["type"], message=error["message"], indexes=indexes)
