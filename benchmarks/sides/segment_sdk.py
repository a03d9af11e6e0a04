"""The other side of the batches: Segment's own SDK, with its defaults."""

from segment.analytics.client import Client  # type: ignore[import-untyped]  # it has no types

from benchmarks.messages import calls
from benchmarks.sides.clock import now, settle


def run(count: int, provider: str, write_key: str) -> dict[str, float]:
    """Send messages, and one before them, so that the connection is there.

    Args:
        count: How many are measured; a multiple of its upload, since it waits for a full one.
        provider: The stand-in's URL.
        write_key: Its write key.

    Returns:
        The instants of the first call, and after the last one.
    """
    first, *messages = calls(count + 1)
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
    started_at = now()
    for message in messages:
        client.track(**message)
    called_at = now()
    client.flush()
    if failures:
        raise failures[0]
    return {"started_at": started_at, "called_at": called_at}
