"""Either side of the gateways: requests of one message each, over many connections."""

import asyncio
import base64
import statistics
from collections.abc import Iterator

from benchmarks.messages import compact, tracks
from benchmarks.sides.clock import now, settle

_WARM_UP = 5
_HEAD_END = b"\r\n\r\n"
_GRACE_SECONDS = 30.0


def run(port: int, write_key: str, count: int, connections: int, seed: int) -> dict[str, float]:
    """Send tracks, each connection one after the other, until all are answered.

    Args:
        port: Where the gateway listens.
        write_key: Of its source.
        count: How many requests.
        connections: How many at once.
        seed: Another one makes other messages.

    Returns:
        Requests answered with 200 in a second, and the median seconds of one.
    """
    return asyncio.run(_run(port, write_key, count, connections, seed))


async def _run(
    port: int, write_key: str, count: int, connections: int, seed: int
) -> dict[str, float]:
    await _until_it_listens(port)
    ready = [_request(write_key, track) for track in tracks(count + _WARM_UP, seed=seed)]
    await _send(port, iter(ready[:_WARM_UP]), 1)
    settle()
    started_at = now()
    seconds = await _send(port, iter(ready[_WARM_UP:]), connections)
    return {"rate": count / (now() - started_at), "median_seconds": statistics.median(seconds)}


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(_GRACE_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return


def _request(write_key: str, track: dict[str, object]) -> bytes:
    body = compact(
        {
            "userId": track["user_id"],
            "event": track["event"],
            "properties": track["properties"],
            "messageId": track["message_id"],
            "timestamp": track["timestamp"],
            "context": {"library": {"name": "requests", "version": "1.0.0"}},
        }
    )
    user = base64.b64encode(f"{write_key}:".encode())
    head = b"POST /v1/track HTTP/1.1\r\nHost: gateway\r\nAuthorization: Basic %b" % user
    return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


async def _send(port: int, left: Iterator[bytes], connections: int) -> list[float]:
    seconds: list[float] = []

    async def one_after_the_other() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in left:
            sent_at = now()
            writer.write(request)
            head = await reader.readuntil(_HEAD_END)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            (length,) = (
                int(line.partition(b":")[2])
                for line in head.lower().splitlines()
                if line.startswith(b"content-length:")
            )
            await reader.readexactly(length)
            seconds.append(now() - sent_at)
        writer.close()

    async with asyncio.TaskGroup() as senders:
        for _ in range(connections):
            senders.create_task(one_after_the_other())
    return seconds
