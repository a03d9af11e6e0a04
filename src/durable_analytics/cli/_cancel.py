"""`durable-analytics cancel --user ID`: cancels the open deliveries of a user."""

import asyncio
from typing import Annotated

import typer
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.cli._errors import CommandFailed
from durable_analytics.cli._names import unicode_text
from durable_analytics.cli._output import JsonOption, print_json, print_line
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.cli._unreadable import UnreadableExecutions
from durable_analytics.cli._users import executions_of_user
from durable_analytics.errors import UnreadablePayload
from durable_analytics.temporal.visibility import OPEN, Deliveries
from durable_analytics.wire.methods import BATCH


def cancel(
    *,
    user: Annotated[str, typer.Option(parser=unicode_text, metavar="ID", help="The user id.")],
    as_json: JsonOption = False,
) -> None:
    """Cancel the deliveries of single messages that are still open for a user.

    Batches also carry messages of others: they are reported, not cancelled.
    """
    if not user:
        raise typer.BadParameter("--user must not be empty")
    unreadable = UnreadableExecutions()
    cancelled, batches = asyncio.run(_cancel(user, unreadable))
    if as_json:
        print_json({"cancelled": cancelled, "batches": batches})
    else:
        for workflow_id in cancelled:
            print_line(f"cancelled {workflow_id}")
        if not cancelled:
            print_line("no single message is open for this user")
    left = []
    if batches:
        left.append(
            f"{len(batches)} open batches have messages of this user, and are not cancelled: "
            + ", ".join(batches)
        )
    if unreadable.count:
        left.append(unreadable.describe("may still deliver messages of this user"))
        raise UnreadablePayload("; ".join(left))
    if left:
        raise CommandFailed(*left)


async def _cancel(user: str, unreadable: UnreadableExecutions) -> tuple[list[str], list[str]]:
    client = await connect_client()
    deliveries = await Deliveries.find(client, configured_task_queue())
    found: list[WorkflowExecution] = []
    batches: list[WorkflowExecution] = []
    async for one, _ in executions_of_user(deliveries, user, unreadable, OPEN):
        (batches if one.workflow_type == BATCH.workflow else found).append(one)
    for one in found:
        await _request_cancellation(client, one)
    return [one.id for one in found], [one.id for one in batches]


async def _request_cancellation(client: Client, execution: WorkflowExecution) -> None:
    try:
        await client.get_workflow_handle(execution.id, run_id=execution.run_id).cancel()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has just ended
            raise
