"""The simplest client possible, which measures how much the stand-in can take."""

import socket
from itertools import cycle, islice
from urllib.parse import urlsplit

from benchmarks.contenders.clock import cpu_seconds, now
from benchmarks.messages import compact, make_tracks

_RESPONSE_BYTES = 64 * 1024
_DIFFERENT_REQUESTS = 10


def run(count: int, provider: str, messages_per_request: int) -> dict[str, float]:
    """Post prepared bodies, one after the other on one connection.

    Args:
        count: How many messages; a multiple of `messages_per_request`.
        provider: The URL of the stand-in.
        messages_per_request: How many messages are in a request.

    Returns:
        `rate` (messages a second, until the last response) and `cpu_seconds`.
    """
    address = urlsplit(provider)
    requests = [_request(number, messages_per_request) for number in range(_DIFFERENT_REQUESTS)]
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cpu_before = cpu_seconds()
        started_at = now()
        for request in islice(cycle(requests), count // messages_per_request):
            connection.sendall(request)
            connection.recv(_RESPONSE_BYTES)
        return {
            "rate": count / (now() - started_at),
            "cpu_seconds": cpu_seconds() - cpu_before,
        }


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
        for message in make_tracks(count, seed=seed)
    ]
    body = compact({"batch": messages})
    return b"POST /v1/batch HTTP/1.1\r\nHost: stand-in\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
