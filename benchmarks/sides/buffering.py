"""Our side of the batches: the buffering client."""

from datetime import timedelta
from typing import Any

from benchmarks.messages import calls
from benchmarks.sides.clock import now, settle
from durable_analytics import BufferingClient
from durable_analytics.codecs import data_converter

_PATIENCE = timedelta(minutes=5)


def run(count: int, queue: str, arguments: dict[str, Any]) -> dict[str, float]:
    """Send messages, and one before them, so that the connection is there.

    Args:
        count: How many are measured.
        queue: The workers' task queue.
        arguments: More of the client's.

    Returns:
        The instants of the first call, after the last one, and when Temporal had them all.
    """
    first, *messages = calls(count + 1)
    client = BufferingClient(
        task_queue=queue,
        data_converter=data_converter(compress=True),
        max_queue_size=count,
        **arguments,
    )
    client.track(**first)
    client.flush(_PATIENCE)
    settle()
    started_at = now()
    for message in messages:
        client.track(**message)
    called_at = now()
    client.flush(_PATIENCE)
    kept_at = now()
    client.close(_PATIENCE)
    return {"started_at": started_at, "called_at": called_at, "kept_at": kept_at}
