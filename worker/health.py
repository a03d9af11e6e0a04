"""`python -m worker.health`: whether this host's worker polls, for a container's health check."""

import asyncio
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.errors import NotAccepted, SettingsError
from durable_analytics.temporal.connection import connect
from durable_analytics.temporal.interpreter_end import exit_process
from durable_analytics.temporal.pollers import RECENT, last_polls
from worker import settings


async def last_poll(client: Client, task_queue: str, host: str) -> datetime | None:
    """Return when a worker of this host last polled; None if the server has no record of a poll.

    The SDK's workers identify themselves as `pid@host`, and each container has its own host name.
    """
    polls = await last_polls(client, task_queue)
    return max((at for who, at in polls.items() if who.endswith(f"@{host}")), default=None)


async def check(task_queues: Sequence[str]) -> str | None:
    """Describe what is wrong in one line; return None if the worker polls all its task queues."""
    host, client = socket.gethostname(), await connect()
    polls = await asyncio.gather(*(last_poll(client, queue, host) for queue in task_queues))
    for queue, polled in zip(task_queues, polls, strict=True):
        if not polled or datetime.now(UTC) - polled >= RECENT:
            since = f"since {polled:%H:%M:%S} UTC" if polled else "lately"
            return f"no worker on {host} has polled task queue {queue} {since}"
    return None


def main() -> int:
    """Print what is wrong, and return the exit status."""
    try:
        problem = asyncio.run(check(settings.load().task_queues()))
    except (NotAccepted, RPCError, SettingsError) as error:
        problem = str(error)
    if problem:
        print(problem, file=sys.stderr)  # noqa: T201  # the engine keeps it with the health status
    return 1 if problem else 0


if __name__ == "__main__":
    # A crash at Python's exit would count as unhealthy.
    exit_process(main())
