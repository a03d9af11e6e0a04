"""A task queue that Temporal holds although nothing pauses its integration, and what to do."""

from typing import NamedTuple

from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.temporal import integration_control
from durable_analytics.wire.methods import integration_queue


class LeftHeld(NamedTuple):
    """Why messages wait, and the command that ends it."""

    reason: str
    command: str


async def find_left_held(client: Client, task_queue: str, name: str) -> LeftHeld | None:
    """Tell why the messages of an integration wait that is not paused; None if they do not.

    Args:
        client: The connection.
        task_queue: The task queue of the workers.
        name: The integration.
    """
    try:
        limit = await integration_control.left_held(client, task_queue, name)
    except RPCError:
        return None  # nobody knows; what the command says besides is right all the same
    if limit is None:
        return None
    if limit.is_ours:
        reason = f"The task queue of {name} is held, but nothing pauses it. To release it"
        return LeftHeld(reason, f"durable-analytics resume {name}")
    queue = integration_queue(task_queue, name)
    return LeftHeld(
        f"Somebody has set the limit of the task queue of {name} to 0. To remove it",
        f"temporal task-queue config set --task-queue {queue} --task-queue-type activity "
        "--queue-rps-limit default",
    )
