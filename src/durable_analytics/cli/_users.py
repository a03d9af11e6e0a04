"""The executions with messages of a user."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.cli._settings import CommonSettings
from durable_analytics.cli._unreadable import UnreadableExecutions
from durable_analytics.errors import UnreadablePayload, ValidationError
from durable_analytics.temporal.histories import read_beginning
from durable_analytics.temporal.visibility import Deliveries, one_of
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.keys import rename_keys, snake_case
from durable_analytics.wire.methods import BATCH, METHODS
from durable_analytics.wire.parsing import decode_batch
from durable_analytics.wire.search_attributes import USER, hash_user, user_id_of

_METHODS = {method.workflow: method for method in METHODS.values()}


async def executions_of_user(
    deliveries: Deliveries, user: str, unreadable: UnreadableExecutions, *conditions: str
) -> AsyncIterator[tuple[WorkflowExecution, list[int]]]:
    """Yield the executions with messages of a user, and the indexes of these messages.

    Single messages are found by the search attribute, if `user_hash_keys` is set here; the inputs
    of all others are read.

    Args:
        deliveries: The executions of the task queue.
        user: The user id.
        unreadable: Counts the executions whose input cannot be read, so whose user is not known.
        conditions: Which executions are meant.
    """
    hashes = [hash_user(user, key) for key in CommonSettings.load().hash_keys]
    rest = ""
    if hashes and deliveries.has(USER.name):
        rest = f"{USER.name} IS NULL"
        async for one in deliveries.executions(one_of(USER.name, hashes), *conditions):
            yield one, [0]
    async for one in deliveries.executions(rest, *conditions):
        try:
            indexes = await _indexes(deliveries.client, one, user)
        except UnreadablePayload as error:
            unreadable.add(error)
            continue
        if indexes:
            yield one, indexes


async def _indexes(client: Client, execution: WorkflowExecution, user: str) -> list[int]:
    try:
        input = (await read_beginning(client, execution)).input
        if execution.workflow_type == BATCH.workflow:
            messages = decode_batch(input)["messages"]
            return [i for i, message in enumerate(messages) if _user_of_item(message) == user]
        method = _METHODS[execution.workflow_type]
        message = rename_keys(method, decode(input))[method.key]
        return [0] if user_id_of(method, message) == user else []
    except (ValidationError, AttributeError, KeyError, TypeError):
        return []  # its Validation refuses it: it delivers nothing
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # its retention has just ended
            raise
        return []


def _user_of_item(message: Any) -> str | None:
    if not isinstance(message, Mapping) or message.get("type") not in METHODS:
        return None
    method = METHODS[message["type"]]
    return user_id_of(method, snake_case(dict(message), method.message, ""))
