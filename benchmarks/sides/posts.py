"""The plainest client there is, to measure the stand-in by itself."""

import socket
from itertools import cycle, islice
from urllib.parse import urlsplit

from benchmarks.messages import compact, tracks
from benchmarks.sides.clock import now

_ANSWER_BYTES = 64 * 1024
_DIFFERENT_REQUESTS = 10


def run(count: int, provider: str, per_request: int) -> dict[str, float]:
    """Post bodies that are ready, one after the other on one connection.

    Args:
        count: How many messages, a multiple of those in a request.
        provider: The stand-in's URL.
        per_request: Messages in a request.

    Returns:
        Messages a second, until the last answer.
    """
    address = urlsplit(provider)
    ready = [_request(number, per_request) for number in range(_DIFFERENT_REQUESTS)]
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started_at = now()
        for request in islice(cycle(ready), count // per_request):
            connection.sendall(request)
            connection.recv(_ANSWER_BYTES)
        return {"rate": count / (now() - started_at)}


def _request(seed: int, count: int) -> bytes:
    messages = [
        {
            "type": "track",
            "messageId": message["message_id"],
            "userId": message["user_id"],
            "event": message["event"],
            "properties": message["properties"],
            "timestamp": message["timestamp"],
            "context": {"library": {"name": "posts", "version": "1.0.0"}},
        }
        for message in tracks(count, seed=seed)
    ]
    body = compact({"batch": messages})
    return b"POST /v1/batch HTTP/1.1\r\nHost: stand-in\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
