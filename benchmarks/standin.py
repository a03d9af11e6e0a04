"""A provider for benchmarks: it accepts every message, and parses none until the round is over.

`python -m benchmarks.standin --port PORT`. Every request succeeds. Four requests control it:

- `GET /_/complete?messages=N` responds when N different messages have arrived, with a summary;
- `GET /_/progress` responds at once with the number of messages;
- `GET /_/summary` responds at once with the summary of what has arrived;
- `DELETE /_/received?response_delay=S` removes all received requests. After it, each response is
  delayed by S seconds, to simulate a network; without `response_delay`, it is sent at once.
"""

import argparse
import asyncio
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic_core import from_json, to_json

_MESSAGE_KEY = b'"messageId"'
"""Each message contains it once, so messages are counted without parsing."""

_GZIP = zlib.MAX_WBITS | 16


@dataclass(slots=True)
class Received:
    """The requests that arrived, unparsed."""

    bodies: list[tuple[float, bytes]] = field(default_factory=list)
    """The time of each request, and its body."""

    message_count: int = 0
    """How many messages arrived, repeated ones included."""

    response_delay: float = 0.0
    """Seconds until a response; a message counts as received when its response is sent."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, body: bytes) -> None:
        """Store the body of a request."""
        self.bodies.append((time.monotonic(), body))
        self.message_count += body.count(_MESSAGE_KEY)
        self.changed.set()

    def clear(self) -> None:
        """Remove everything that was received."""
        self.bodies.clear()
        self.message_count = 0

    async def wait_for(self, messages: int) -> dict[str, Any]:
        """Wait for this many different messages, and return a summary."""
        needed = messages
        while True:
            while self.message_count < needed:
                self.changed.clear()
                await self.changed.wait()
            summary = self.summarize(messages)
            if summary["completed_at"] is not None:
                return summary
            needed = self.message_count + messages - summary["distinct"]  # some are repeated

    def summarize(self, messages: int = 0) -> dict[str, Any]:
        """Parse what has arrived, and count it.

        Args:
            messages: `completed_at` is when this many different messages had arrived, or None.
        """
        seen: set[str] = set()
        count, overtaken, latest = 0, 0, ""
        completed_at = None
        for arrived_at, message_id, user_id in self._parse():
            count += 1
            seen.add(message_id)
            if completed_at is None and len(seen) >= messages:
                completed_at = arrived_at
            overtaken += user_id < latest
            latest = max(latest, user_id)
        return {
            "requests": len(self.bodies),
            "messages": count,
            "distinct": len(seen),
            "overtaken": overtaken,
            "completed_at": completed_at,
        }

    def _parse(self) -> Iterator[tuple[float, str, str]]:
        for arrived_at, body in self.bodies:
            parsed = from_json(body)
            for message in parsed.get("batch", [parsed]):
                yield arrived_at, message["messageId"], message.get("userId", "")


@dataclass(frozen=True, slots=True)
class _Head:
    method: str
    target: str
    headers: dict[str, str]

    @classmethod
    def parse(cls, raw: bytes) -> "_Head":
        first, *lines = raw.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        return cls(method, target, {name.lower(): value.strip() for name, _, value in pairs})

    @property
    def length(self) -> int:
        return int(self.headers.get("content-length", 0))


class Connection(asyncio.Protocol):
    """One HTTP/1.1 keep-alive connection.

    Args:
        received: Stores the bodies.
    """

    _transport: asyncio.Transport

    def __init__(self, received: Received) -> None:
        self._received = received
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._waiting: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See base class."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # it is TCP
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See base class."""
        del exc
        for task in self._waiting:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        """See base class."""
        self._buffer += data
        while self._handle_next_request():
            pass

    def _handle_next_request(self) -> bool:
        """Handle the next request if all of it has arrived; return whether it had."""
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._head = _Head.parse(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if "transfer-encoding" in self._head.headers:
                self._respond(b'{"success":false}', "411 Length Required")
                self._transport.close()
                return False
            if self._head.headers.get("expect", "").lower() == "100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        head = self._head
        if len(self._buffer) < head.length:
            return False
        body = bytes(self._buffer[: head.length])
        del self._buffer[: head.length]
        self._head = None
        self._handle(head, body)
        return True

    def _handle(self, head: _Head, body: bytes) -> None:
        if not head.target.startswith("/_/"):
            if head.headers.get("content-encoding") == "gzip":
                body = zlib.decompress(body, _GZIP)
            if self._received.response_delay:
                loop = asyncio.get_running_loop()
                loop.call_later(self._received.response_delay, self._confirm, body)
            else:
                self._confirm(body)
            return
        query = parse_qs(urlsplit(head.target).query)
        if head.method == "DELETE":
            self._received.clear()
            self._received.response_delay = float(query.get("response_delay", ["0"])[0])
            self._respond(b"{}")
        elif head.target == "/_/progress":
            self._respond(to_json({"messages": self._received.message_count}))
        elif head.target == "/_/summary":
            self._respond(to_json(self._received.summarize()))
        else:
            task = asyncio.create_task(self._respond_when_complete(int(query["messages"][0])))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    def _confirm(self, body: bytes) -> None:
        self._received.add(body)
        self._respond(b'{"success":true}')

    async def _respond_when_complete(self, messages: int) -> None:
        self._respond(to_json(await self._received.wait_for(messages)))

    def _respond(self, body: bytes, status: str = "200 OK") -> None:
        self._transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status.encode(), len(body), body)
        )


async def serve(port: int) -> None:
    """Listen on the loopback interface until the process ends."""
    received = Received()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(received), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args().port))
