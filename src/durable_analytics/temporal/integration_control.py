"""Pausing and resuming an integration, with and without a running worker."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import Priority, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.errors import UnreadablePayload, ValidationError
from durable_analytics.temporal.queue_limits import (
    LimitSetByHandError,
    LimitsUnsupportedError,
    QueueLimit,
    hold,
    read_limit,
    release,
)
from durable_analytics.wire.integration_state import (
    COMMAND,
    CONTROL_WORKFLOW,
    MEMO,
    PAUSE,
    RESUME,
    RUNNING,
    IntegrationState,
    PauseRequest,
    control_id,
    paused,
)
from durable_analytics.wire.methods import (
    NOT_A_NAME,
    integration_queue,
    is_integration_name,
)

PATIENCE = timedelta(seconds=12)
"""How long a command waits for a worker. If a worker was killed, Temporal gives its workflows to
another one after 10 s."""

CONTROL_PRIORITY = Priority(priority_key=1)
"""Temporal gives out the tasks of the control workflow before those of messages, so that a pause
holds at once. Measured with 150 messages that waited for a busy worker: after 1 s instead of 16 s
and 34 s."""


@dataclass(frozen=True, slots=True)
class Commanded:
    """The result of `pause` or `resume`."""

    state: IntegrationState
    """The state of the integration, or what it will be when a worker takes the command."""

    is_taken: bool
    """Whether a worker has taken the command. If not, the limit of the task queue has changed all
    the same, and the workflow follows when a worker starts."""

    warning: str | None = None
    """Why the server does not hold back the messages, or why the worker's response was not read."""


def pause_request(
    name: str, *, reason: str, by: str | None = None, for_: timedelta | None = None
) -> PauseRequest:
    """Check the arguments of `pause`, and return its request.

    Raises:
        ValidationError: An argument is wrong.
    """
    if not is_integration_name(name):
        raise ValidationError.at("name", NOT_A_NAME)
    return PauseRequest.read({"reason": reason, "by": by, "for": for_})


async def pause(
    client: Client,
    task_queue: str,
    name: str,
    *,
    reason: str,
    by: str | None = None,
    for_: timedelta | None = None,
    patience: timedelta = PATIENCE,
) -> Commanded:
    """Pause an integration. Requests in flight are not stopped.

    Args:
        client: The connection.
        task_queue: The task queue of the workers, `analytics` by default.
        name: The integration.
        reason: Why; 500 characters at most.
        by: The person who pauses it; 200 characters at most.
        for_: How long; None: until `resume`.
        patience: How long to wait for a worker.

    Raises:
        ValidationError: An argument is wrong.
        RPCError: A request to Temporal failed.
    """
    request = pause_request(name, reason=reason, by=by, for_=for_)
    state = paused("operator", request.described(), since=datetime.now(UTC), duration=for_)
    warning = None
    try:
        await hold(client, integration_queue(task_queue, name), request.described())
    except (LimitSetByHandError, LimitsUnsupportedError) as error:
        warning = str(error)
    command_id, workflow_id = str(uuid4()), control_id(task_queue, name)
    options: dict[str, Any] = {
        "id": workflow_id,
        "task_queue": task_queue,
        "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
        "memo": {MEMO: state},
        "priority": CONTROL_PRIORITY,
    }

    async def update() -> IntegrationState:
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            CONTROL_WORKFLOW, **options
        )
        taken: IntegrationState = await client.execute_update_with_start_workflow(
            PAUSE, request.as_json(), start_workflow_operation=start, id=command_id
        )
        return taken

    try:
        taken = await _within(patience, update)
    except UnreadablePayload as error:
        return Commanded(state, is_taken=True, warning=warning or _not_read(error))
    if taken is None:
        command = {"id": command_id, PAUSE: request.as_json()}
        await client.start_workflow(
            CONTROL_WORKFLOW, start_signal=COMMAND, start_signal_args=[command], **options
        )
    return Commanded(taken or state, taken is not None, warning)


async def resume(
    client: Client, task_queue: str, name: str, *, patience: timedelta = PATIENCE
) -> Commanded:
    """End all pauses of an integration; nothing happens if it is running.

    Args:
        client: The connection.
        task_queue: The task queue of the workers.
        name: The integration.
        patience: How long to wait for a worker.

    Raises:
        RPCError: A request to Temporal failed.
    """
    warning = None
    try:
        await release(client, integration_queue(task_queue, name))
    except LimitsUnsupportedError as error:
        warning = str(error)
    handle = client.get_workflow_handle(control_id(task_queue, name))
    if not await _is_running(handle):
        return Commanded(RUNNING, is_taken=True, warning=warning)
    command_id = str(uuid4())

    async def update() -> IntegrationState:
        taken: IntegrationState = await handle.execute_update(RESUME, {}, id=command_id)
        return taken

    try:
        taken = await _within(patience, update)
        if taken is None:
            await handle.signal(COMMAND, {"id": command_id, RESUME: {}})
    except UnreadablePayload as error:
        return Commanded(RUNNING, is_taken=True, warning=warning or _not_read(error))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        taken = RUNNING  # the pause has ended by itself
    return Commanded(taken or RUNNING, taken is not None, warning)


async def state(client: Client, task_queue: str, name: str) -> IntegrationState:
    """Return the state of an integration, also while no worker runs.

    Args:
        client: The connection.
        task_queue: The task queue of the workers.
        name: The integration.

    Raises:
        RPCError: A request to Temporal failed.
    """
    handle = client.get_workflow_handle(control_id(task_queue, name))
    try:
        description = await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return RUNNING
        raise
    if description.status is not WorkflowExecutionStatus.RUNNING:
        return RUNNING
    shown: IntegrationState = (await description.memo()).get(MEMO, RUNNING)
    return shown


async def left_held(client: Client, task_queue: str, name: str) -> QueueLimit | None:
    """Return the limit of 0 that holds an integration although nothing pauses it, or None.

    It stays if somebody terminates the control workflow, or has set the limit by hand.

    Args:
        client: The connection.
        task_queue: The task queue of the workers.
        name: The integration.

    Raises:
        RPCError: A request to Temporal failed.
    """
    limit = await read_limit(client, integration_queue(task_queue, name))
    if limit is None or limit.requests_per_second > 0:
        return None
    # Its workflow is read after the limit, because `pause` sets the limit first.
    handle = client.get_workflow_handle(control_id(task_queue, name))
    return None if await _is_running(handle) else limit


async def states(client: Client, task_queue: str) -> dict[str, IntegrationState]:
    """Return the state of each integration that is paused or probing, by name.

    Args:
        client: The connection.
        task_queue: The task queue of the workers.

    Raises:
        RPCError: A request to Temporal failed.
    """
    query = f"WorkflowType = '{CONTROL_WORKFLOW}' AND ExecutionStatus = 'Running'"
    prefix = control_id(task_queue, "")
    names = [
        execution.id.removeprefix(prefix)
        async for execution in client.list_workflows(query)
        if execution.id.startswith(prefix)
    ]
    return {name: await state(client, task_queue, name) for name in names}


async def _is_running(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise


def _not_read(error: UnreadablePayload) -> str:
    """Return why the state is only what the command asked for: a worker has taken it."""
    return f"the worker's answer was not read: {error}"


async def _within(
    patience: timedelta, update: Callable[[], Awaitable[IntegrationState]]
) -> IntegrationState | None:
    """Return the result of an update; None if no worker took it in time."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await update()
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        return None
    except RPCError as error:
        # The server says so at once if a worker fails at the workflow, for example without its key.
        if error.status is not RPCStatusCode.FAILED_PRECONDITION:
            raise
        return None
