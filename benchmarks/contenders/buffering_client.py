"""Ours: the buffering client sends tracks to Temporal."""

from datetime import timedelta
from typing import Any

from benchmarks.contenders.clock import cpu_seconds, now, settle
from benchmarks.messages import make_calls
from durable_analytics import BufferingClient

try:
    from durable_analytics.temporal.codecs import data_converter
except ImportError:  # the commit before
    from durable_analytics.codecs import data_converter  # type: ignore[no-redef,import-not-found]

_FLUSH_TIMEOUT = timedelta(minutes=5)


def run(count: int, queue: str, arguments: dict[str, Any], *, compress: bool) -> dict[str, float]:
    """Send one message to open the connection, then the measured messages.

    Args:
        count: How many messages are measured.
        queue: The task queue of the workers.
        arguments: More arguments of the client.
        compress: Whether the client compresses payloads.

    Returns:
        The times of the first call (`started_at`), after the last call (`called_at`), and when
        Temporal had stored all messages (`kept_at`), and the `cpu_seconds` in between.
    """
    first, *messages = make_calls(count + 1)
    client = BufferingClient(
        task_queue=queue,
        data_converter=data_converter(compress=compress),
        max_queue_size=count,
        **arguments,
    )
    client.track(**first)
    client.flush(_FLUSH_TIMEOUT)
    settle()
    cpu_before = cpu_seconds()
    started_at = now()
    for message in messages:
        client.track(**message)
    called_at = now()
    client.flush(_FLUSH_TIMEOUT)
    kept_at = now()
    spent = cpu_seconds() - cpu_before
    client.close(_FLUSH_TIMEOUT)
    return {
        "started_at": started_at,
        "called_at": called_at,
        "kept_at": kept_at,
        "cpu_seconds": spent,
    }
