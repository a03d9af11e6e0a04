"""`durable-analytics cancel --user ID`: cancels the open deliveries of a user."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.cli._errors import CommandFailed
from durable_analytics.cli._histories import read_beginning
from durable_analytics.cli._output import JsonOption, print_json, print_line
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.cli._settings import CommonSettings
from durable_analytics.cli._visibility import OPEN, Deliveries, one_of
from durable_analytics.errors import ValidationError
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.keys import rename_keys, snake_case
from durable_analytics.wire.methods import BATCH, METHODS
from durable_analytics.wire.parsing import decode_batch
from durable_analytics.wire.search_attributes import USER, hash_user, user_id_of

_METHODS = {method.workflow: method for method in METHODS.values()}


def cancel(
    *,
    user: Annotated[str, typer.Option(metavar="ID", help="The user id.")],
    as_json: JsonOption = False,
) -> None:
    """Cancel the deliveries of single messages that are still open for a user.

    Batches also carry messages of others: they are reported, not cancelled.
    """
    if not user:
        raise typer.BadParameter("--user must not be empty")
    cancelled, batches = asyncio.run(_cancel(user))
    if as_json:
        print_json({"cancelled": cancelled, "batches": batches})
    else:
        for workflow_id in cancelled:
            print_line(f"cancelled {workflow_id}")
        if not cancelled:
            print_line("no single message is open for this user")
    if batches:
        raise CommandFailed(
            f"{len(batches)} open batches have messages of this user, and are not cancelled: "
            + ", ".join(batches)
        )


async def _cancel(user: str) -> tuple[list[str], list[str]]:
    client = await connect_client()
    deliveries = await Deliveries.find(client, configured_task_queue())
    hashes = [hash_user(user, key) for key in CommonSettings.load().hash_keys]
    is_indexed = bool(hashes) and deliveries.has(USER.name)
    rest = f"{USER.name} IS NULL" if is_indexed else ""
    found: list[WorkflowExecution] = []
    batches: list[WorkflowExecution] = []
    if is_indexed:
        found = [one async for one in deliveries.executions(OPEN, one_of(USER.name, hashes))]
    async for one in deliveries.executions(OPEN, rest):
        if await _is_of_user(client, one, user):
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


async def _is_of_user(client: Client, execution: WorkflowExecution, user: str) -> bool:
    try:
        input = (await read_beginning(client, execution)).input
        if execution.workflow_type == BATCH.workflow:
            messages = decode_batch(input)["messages"]
            return any(_user_of_item(message) == user for message in messages)
        method = _METHODS[execution.workflow_type]
        message = rename_keys(method, decode(input))[method.key]
        return user_id_of(method, message) == user
    except (ValidationError, AttributeError, KeyError, TypeError):
        return False  # its Validation refuses it: it delivers nothing


def _user_of_item(message: Any) -> str | None:
    if not isinstance(message, Mapping) or message.get("type") not in METHODS:
        return None
    method = METHODS[message["type"]]
    return user_id_of(method, snake_case(dict(message), method.message, ""))
