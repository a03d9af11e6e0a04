"""What the history of a delivery says: its input, the plan of its Validation, and its output."""

import json
from dataclasses import dataclass
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecution, WorkflowFailureError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.wire.messages import JsonObject

_FIRST_EVENTS = 10
"""The start and the marker of the Validation are among these."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The beginning of a delivery."""

    input: RawValue | None
    """The input, decompressed; None if the execution was started without one."""

    plan: dict[str, Any]
    """The plan; empty if the Validation has not ended, or has refused the input."""


async def read_beginning(client: Client, execution: WorkflowExecution) -> Beginning:
    """Read the input and the plan of an execution.

    Raises:
        RPCError: Temporal does not have the execution any more.
    """
    handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
    input: RawValue | None = None
    count = 0
    async for event in handle.fetch_history_events(page_size=_FIRST_EVENTS):
        if event.HasField("workflow_execution_started_event_attributes"):
            started = event.workflow_execution_started_event_attributes
            payloads = await _decoded(client, list(started.input.payloads))
            input = RawValue(payloads[0]) if payloads else None
        elif event.HasField("marker_recorded_event_attributes"):
            return Beginning(input, await _plan(client, event))
        count += 1
        if count >= _FIRST_EVENTS:
            break
    return Beginning(input, {})


async def read_output(client: Client, execution: WorkflowExecution) -> JsonObject:
    """Return the output of a closed execution, of a failure too; empty if there is none."""
    handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
    output: Any = None
    try:
        output = await handle.result(follow_runs=False)
    except WorkflowFailureError as failure:
        if isinstance(failure.cause, ApplicationError) and failure.cause.details:
            output = failure.cause.details[0]
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # its retention has just ended
            raise
    return output if isinstance(output, dict) else {}


async def _plan(client: Client, event: HistoryEvent) -> dict[str, Any]:
    details = event.marker_recorded_event_attributes.details
    results = details["result"].payloads if "result" in details else ()
    payloads = await _decoded(client, list(results))
    try:
        plan = json.loads(payloads[0].data) if payloads else None
    except ValueError:
        return {}
    return plan if isinstance(plan, dict) else {}


async def _decoded(client: Client, payloads: list[Payload]) -> list[Payload]:
    codec = client.data_converter.payload_codec
    return await codec.decode(payloads) if codec and payloads else payloads
