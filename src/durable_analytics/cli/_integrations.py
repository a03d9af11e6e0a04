"""The integrations to which an execution delivers."""

from typing import Any

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.errors import UnreadablePayload, ValidationError, shorten
from durable_analytics.redrive.names import is_redrive
from durable_analytics.redrive.recorded import METHOD_BY_WORKFLOW
from durable_analytics.temporal.histories import Beginning, read_beginning
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.keys import rename_keys
from durable_analytics.wire.limits import MOST_INTEGRATIONS
from durable_analytics.wire.methods import BATCH, named_integrations
from durable_analytics.wire.parsing import decode_batch
from durable_analytics.wire.search_attributes import INTEGRATION

_NO_NAMES = ("fanout", "default")
"""How a workflow id of our clients begins without the name of an integration."""


async def integrations_of(
    client: Client, task_queue: str, execution: WorkflowExecution
) -> list[str]:
    """Return the integrations of an execution, several for a fan-out; none if nothing has a name.

    The search attribute has them, or the workflow id of our clients, or else the history. What an
    id or an input names may be no integration, so it is cut as lists show it.

    Args:
        client: A client that can read the payloads.
        task_queue: The task queue of the workers.
        execution: The execution.
    """
    if named := execution.typed_search_attributes.get(INTEGRATION):
        return list(named)
    by_id = execution.id.split(":")[0] if execution.id.count(":") > 1 else None
    if by_id and by_id not in _NO_NAMES and not is_redrive(task_queue, execution.id):
        return [shorten(by_id)]
    try:
        beginning = await read_beginning(client, execution)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # its retention has just ended
            raise
        return []
    except UnreadablePayload:
        return []
    return _planned(beginning.plan) or _named(beginning, execution)


def _planned(plan: dict[str, Any]) -> list[str]:
    if isinstance(plans := plan.get("plans"), dict):
        return [*plans]
    return [plan["integration"]] if plan.get("integration") else []


def _named(beginning: Beginning, execution: WorkflowExecution) -> list[str]:
    method = METHOD_BY_WORKFLOW[execution.workflow_type]
    try:
        data = decode_batch(beginning.input) if method is BATCH else decode(beginning.input)
        names: Any = named_integrations(rename_keys(method, data))
    except ValidationError:
        return []
    if not isinstance(names, list):
        return []
    return [shorten(name) for name in names[:MOST_INTEGRATIONS] if isinstance(name, str)]
