"""The load for gateways: requests with one message or with a list, on many connections."""

import asyncio
import base64
import statistics
from collections.abc import Iterator
from itertools import islice

from benchmarks.contenders.clock import cpu_seconds, now, settle
from benchmarks.messages import Json, compact, make_tracks

WARM_UP_REQUESTS = 5
_RETRY_SECONDS = 1.0
_HEADERS_END = b"\r\n\r\n"


def run(
    port: int, write_key: str, count: int, connections: int, *, seed: int, messages_per_request: int
) -> dict[str, float]:
    """Send tracks until all have their response; a connection has one request at a time.

    Args:
        port: The port of the gateway.
        write_key: The write key of its source.
        count: How many requests are measured.
        connections: How many connections are open at once.
        seed: Another seed makes other messages.
        messages_per_request: One message is sent as such; more are sent as a list, as Segment's SDK
            for Node does.

    Returns:
        `rate` (messages with response 200 a second), `median_seconds` of one request, and
        `cpu_seconds`.
    """
    tracks = iter(make_tracks((count + WARM_UP_REQUESTS) * messages_per_request, seed=seed))
    if messages_per_request == 1:
        requests = [_request("/v1/track", write_key, _single(track)) for track in tracks]
    else:
        lists = iter(lambda: list(islice(tracks, messages_per_request)), [])
        requests = [_request("/v1/batch", write_key, _list(part)) for part in lists]
    result = asyncio.run(_run(port, requests, connections))
    return {**result, "rate": result["rate"] * messages_per_request}


async def _run(port: int, requests: list[bytes], connections: int) -> dict[str, float]:
    count = len(requests) - WARM_UP_REQUESTS
    await _send(port, iter(requests[:WARM_UP_REQUESTS]), 1)
    settle()
    cpu_before = cpu_seconds()
    started_at = now()
    seconds = await _send(port, iter(requests[WARM_UP_REQUESTS:]), connections)
    return {
        "rate": count / (now() - started_at),
        "median_seconds": statistics.median(seconds),
        "cpu_seconds": cpu_seconds() - cpu_before,
    }


def _request(path: str, write_key: str, value: Json) -> bytes:
    body = compact(value)
    user = base64.b64encode(f"{write_key}:".encode())
    head = b"POST %b HTTP/1.1\r\nHost: gateway\r\nAuthorization: Basic %b" % (path.encode(), user)
    return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def _single(track: Json) -> Json:
    return {
        "userId": track["user_id"],
        "event": track["event"],
        "properties": track["properties"],
        "messageId": track["message_id"],
        "timestamp": track["timestamp"],
        "context": {"library": {"name": "requests", "version": "1.0.0"}},
    }


def _list(tracks: list[Json]) -> Json:
    library = {"name": "@segment/analytics-node", "version": "2.2.1"}
    messages = [
        {
            **_single(track),
            "type": "track",
            "integrations": {},
            "context": {"library": library},
            "_metadata": {"nodeVersion": "22.0.0", "jsRuntime": "node"},
        }
        for track in tracks
    ]
    return {"batch": messages, "sentAt": tracks[-1]["timestamp"]}


async def _send(port: int, remaining: Iterator[bytes], connections: int) -> list[float]:
    """Send all requests; return the seconds of each."""
    seconds: list[float] = []

    async def send_remaining() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in remaining:
            sent_at = now()
            while True:
                writer.write(request)
                headers = await reader.readuntil(_HEADERS_END)
                (length,) = (
                    int(line.partition(b":")[2])
                    for line in headers.lower().splitlines()
                    if line.startswith(b"content-length:")
                )
                await reader.readexactly(length)
                if headers.startswith(b"HTTP/1.1 200"):
                    break
                if not headers.startswith(b"HTTP/1.1 503"):
                    raise RuntimeError(headers.decode())
                await asyncio.sleep(_RETRY_SECONDS)  # as SDKs do
            seconds.append(now() - sent_at)
        writer.close()

    async with asyncio.TaskGroup() as senders:
        for _ in range(connections):
            senders.create_task(send_remaining())
    return seconds
