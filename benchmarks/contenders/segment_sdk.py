"""Segment's own SDK, with its default options, in one process or in several."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier

from segment.analytics.client import Client  # type: ignore[import-untyped]  # it has no types

from benchmarks.contenders.clock import cpu_seconds, now, settle
from benchmarks.messages import make_calls

_START_TIMEOUT_SECONDS = 60.0

_ready: Barrier
"""In each process: passed when all of them are ready to send."""


def run(count: int, provider: str, write_key: str, processes: int = 1) -> dict[str, float]:
    """Send one message to open the connection, then the measured messages, from each process.

    Args:
        count: How many messages each process sends; a multiple of the SDK's upload size, since the
            SDK waits for a full upload.
        provider: The URL of the stand-in, or of the gateway.
        write_key: The write key.
        processes: How many processes send at once.

    Returns:
        The times of the first call (`started_at`), after the last call (`called_at`), and when all
        messages were accepted (`kept_at`), and the `cpu_seconds` from the first call until then, of
        all processes together.
    """
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(processes, timeout=_START_TIMEOUT_SECONDS)
    with ProcessPoolExecutor(processes, context, _prepare, (ready,)) as pool:
        sends = [pool.submit(_send, count, provider, write_key) for _ in range(processes)]
        results = [send.result() for send in sends]
    return {
        "started_at": min(result["started_at"] for result in results),
        "called_at": max(result["called_at"] for result in results),
        "kept_at": max(result["kept_at"] for result in results),
        "cpu_seconds": sum(result["cpu_seconds"] for result in results),
    }


def _prepare(ready: Barrier) -> None:
    global _ready  # noqa: PLW0603  # a pool passes a barrier to its processes only at their start
    _ready = ready


def _send(count: int, provider: str, write_key: str) -> dict[str, float]:
    first, *messages = make_calls(count + 1)
    failures: list[Exception] = []
    client = Client(
        write_key,
        host=provider,
        max_queue_size=count,
        on_error=lambda error, _: failures.append(error),
    )
    client.track(**first)
    client.flush()
    settle()
    _ready.wait()
    cpu_before = cpu_seconds()
    started_at = now()
    for message in messages:
        client.track(**message)
    called_at = now()
    client.flush()
    kept_at = now()
    spent = cpu_seconds() - cpu_before
    if failures:
        raise failures[0]
    return {
        "started_at": started_at,
        "called_at": called_at,
        "kept_at": kept_at,
        "cpu_seconds": spent,
    }
