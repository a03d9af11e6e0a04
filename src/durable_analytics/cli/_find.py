"""`durable-analytics find`: the execution of a message, alone or in a batch."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from temporalio.client import WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.cli._errors import CommandFailed
from durable_analytics.cli._integrations import integrations_of
from durable_analytics.cli._names import unicode_text
from durable_analytics.cli._outcomes import outcome_of
from durable_analytics.cli._output import JsonOption, age, iso, print_json, print_line
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.cli._times import time_or_ago
from durable_analytics.cli._unreadable import UnreadableExecutions, warn
from durable_analytics.cli._users import executions_of_user
from durable_analytics.errors import UnreadablePayload, ValidationError
from durable_analytics.redrive.recorded import planned_message
from durable_analytics.settings.sources import configured_names
from durable_analytics.temporal.histories import Beginning, read_beginning
from durable_analytics.temporal.visibility import Deliveries, at, is_findable, one_of, quoted
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, METHODS
from durable_analytics.wire.parsing import batch_message_id, decode_batch

_AT_ONCE = 16
"""Histories that are read at the same time."""

_ANY_BATCH = str(UUID(int=0))


def find(
    message_id: Annotated[
        str | None,
        typer.Argument(
            parser=unicode_text, metavar="MESSAGE_ID", help="The message_id that the provider gets."
        ),
    ] = None,
    *,
    user: Annotated[
        str | None,
        typer.Option(
            parser=unicode_text, metavar="ID", help="Find the messages of a user instead."
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=time_or_ago,
            metavar="TIME",
            help="Only what has started since: a time, or like 24h.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find a message, and tell whether it was delivered, and else why not.

    A single message is found by its id, others by reading batches.
    """
    begin = "" if since is None else f"StartTime >= {at(since)}"
    unreadable = UnreadableExecutions()
    if message_id and not user:
        found = asyncio.run(_find(message_id, begin, unreadable))
        what, consequence = f"the message {message_id}", "may have the message"
    elif user and not message_id:
        found = asyncio.run(_find_user(user, begin, unreadable))
        what = "messages of this user"
        consequence = "may have more messages of this user, so the answer may be incomplete"
    else:
        raise typer.BadParameter("give a MESSAGE_ID, or the user id with --user")
    if as_json:
        print_json(found)
    else:
        for one in found:
            _print(one)
    if unreadable.count and not found:
        raise UnreadablePayload(
            f"no execution that can be read has {what}; {unreadable.describe(consequence)}"
        )
    if unreadable.count:
        warn(unreadable.describe(consequence))
    if not found:
        raise CommandFailed(f"no execution that Temporal still keeps has {what}")


def _print(one: JsonObject) -> None:
    place = "" if one["index"] is None else f", messages.{one['index']}"
    started = age(datetime.fromisoformat(one["started_at"]))
    print_line(f"{one['outcome']}  {one['workflow_id']}{place}, started {started} ago")
    if one["reason"]:
        print_line(f"  {one['reason']}")


async def _find_user(user: str, begin: str, unreadable: UnreadableExecutions) -> list[JsonObject]:
    client = await connect_client()
    deliveries = await Deliveries.find(client, configured_task_queue())
    return _latest(
        [
            await _described(deliveries, one, index if _is_batch(one) else None)
            async for one, indexes in executions_of_user(deliveries, user, unreadable, begin)
            for index in indexes
        ]
    )


async def _find(message_id: str, begin: str, unreadable: UnreadableExecutions) -> list[JsonObject]:
    client = await connect_client()
    deliveries = await Deliveries.find(client, configured_task_queue())
    configured = configured_names("integrations")
    names = [*configured, *await deliveries.integration_names(configured), "default", "fanout"]
    ids = [message_id, *(f"{name}:{key}:{message_id}" for name in names for key in METHODS)]
    found = [
        await _described(deliveries, one, None)
        async for one in deliveries.executions(one_of("WorkflowId", ids))
        if not _is_batch(one)
    ]
    if found:
        return _latest(found)
    unknown = ""
    if is_findable(message_id):  # else an execution with one of the ids may be listed all the same
        others = " AND ".join(f"WorkflowId NOT STARTS_WITH {quoted(name + ':')}" for name in names)
        unknown = f"WorkflowType = {quoted(BATCH.workflow)} OR ({others})"
    async for part in _in_parts(deliveries.executions(unknown, begin)):
        indexes = await asyncio.gather(
            *(_index(deliveries, one, message_id, unreadable) for one in part)
        )
        found += [
            await _described(deliveries, one, index if _is_batch(one) else None)
            for one, index in zip(part, indexes, strict=True)
            if index is not None
        ]
    return _latest(found)


def _latest(found: Sequence[JsonObject]) -> list[JsonObject]:
    """Keep the latest run of each execution: the others were run again."""
    latest: dict[tuple[str, int | None], JsonObject] = {}
    for one in found:
        place = one["workflow_id"], one["index"]
        if place not in latest or one["started_at"] > latest[place]["started_at"]:
            latest[place] = one
    return [*latest.values()]


async def _in_parts(
    executions: AsyncIterator[WorkflowExecution],
) -> AsyncIterator[Sequence[WorkflowExecution]]:
    part: list[WorkflowExecution] = []
    async for one in executions:
        part.append(one)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    yield part


async def _index(
    deliveries: Deliveries,
    execution: WorkflowExecution,
    message_id: str,
    unreadable: UnreadableExecutions,
) -> int | None:
    """Return the index of the message in an execution, 0 for a single one; None if not there."""
    try:
        beginning = await read_beginning(deliveries.client, execution)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:  # its retention has just ended
            return None
        raise
    except UnreadablePayload as error:
        unreadable.add(error)
        return None
    if _is_batch(execution):
        return await asyncio.to_thread(_index_in_batch, beginning, message_id)
    return 0 if _is_single(beginning, execution, message_id) else None


def _index_in_batch(beginning: Beginning, message_id: str) -> int | None:
    if beginning.input is None:
        return None
    written = json.dumps(message_id).strip('"').encode()
    if not _is_generated(message_id) and written not in beginning.input.payload.data:
        return None
    try:
        messages = decode_batch(beginning.input).get("messages")
    except (ValidationError, AttributeError):
        return None
    planned = planned_message(beginning.plan)
    batch_id = planned["message_id"] if planned else _ANY_BATCH
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict) and batch_message_id(message, batch_id, index) == message_id:
            return index
    return None


def _is_generated(message_id: str) -> bool:
    """Whether it may be the id that a message of a batch got, which had none."""
    try:
        return UUID(message_id).version == 5
    except ValueError:
        return False


def _is_single(beginning: Beginning, execution: WorkflowExecution, message_id: str) -> bool:
    if planned := planned_message(beginning.plan):
        return bool(planned["message_id"] == message_id)
    try:
        data = decode(beginning.input)
        message = data[execution.workflow_type.lower()]
        return message_id in (message.get("message_id"), message.get("messageId"))
    except (ValidationError, AttributeError, KeyError, TypeError):
        return False


def _is_batch(execution: WorkflowExecution) -> bool:
    return execution.workflow_type == BATCH.workflow


async def _described(
    deliveries: Deliveries, execution: WorkflowExecution, index: int | None
) -> JsonObject:
    client, task_queue = deliveries.client, deliveries.task_queue
    integrations = await integrations_of(client, task_queue, execution)
    outcome, reason = await outcome_of(client, task_queue, execution, integrations, index)
    return {
        "workflow_id": execution.id,
        "run_id": execution.run_id,
        "method": execution.workflow_type.lower(),
        "integration": ", ".join(integrations) or None,
        "status": execution.status.name.lower() if execution.status else None,
        "index": index,
        "outcome": outcome,
        "reason": reason,
        "started_at": iso(execution.start_time),
        "closed_at": iso(execution.close_time),
    }
