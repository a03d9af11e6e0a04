"""A provider that takes everything at once and parses nothing meanwhile: it must never brake.

`python -m benchmarks.standin --port PORT`. Every request is a success, but for its own:

- `GET /_/complete?messages=N` answers when it has N different messages, with what it received;
- `DELETE /_/received?answers_after=S` forgets it all; from now on it takes S seconds to answer, as
  a provider across a network does. Without S it answers at once.
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

_MARK = b'"messageId"'
"""Counted instead of parsing: each message has it once."""

_GZIP = zlib.MAX_WBITS | 16


@dataclass(slots=True)
class Received:
    """What came in, kept as it came."""

    bodies: list[tuple[float, bytes]] = field(default_factory=list)
    """With the instant of each."""

    marks: int = 0
    """Messages, as far as counting without parsing tells."""

    answers_after: float = 0.0
    """Seconds; a request counts when it is answered."""

    more: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, body: bytes) -> None:
        """Keep the body of a request."""
        self.bodies.append((time.monotonic(), body))
        self.marks += body.count(_MARK)
        self.more.set()

    def clear(self) -> None:
        """Forget everything."""
        self.bodies.clear()
        self.marks = 0

    async def complete(self, messages: int) -> dict[str, Any]:
        """Wait for so many different messages, and tell what came in."""
        enough = messages
        while True:
            while self.marks < enough:
                self.more.clear()
                await self.more.wait()
            told = self._tell(messages)
            if told["completed_at"] is not None:
                return told
            enough = self.marks + messages - told["distinct"]  # some came twice

    def _tell(self, messages: int) -> dict[str, Any]:
        seen: set[str] = set()
        count, overtaken, latest = 0, 0, ""
        completed_at = None
        for arrived_at, message_id, user_id in self._messages():
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

    def _messages(self) -> Iterator[tuple[float, str, str]]:
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
    """One keep-alive connection of HTTP/1.1.

    Args:
        received: Where the bodies go.
    """

    _transport: asyncio.Transport

    def __init__(self, received: Received) -> None:
        self._received = received
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._controls: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See base class."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # it is TCP
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See base class."""
        del exc
        for task in self._controls:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        """See base class."""
        self._buffer += data
        while self._took_a_request():
            pass

    def _took_a_request(self) -> bool:
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._head = _Head.parse(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if "transfer-encoding" in self._head.headers:
                self._answer(b'{"success":false}', "411 Length Required")
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
            if self._received.answers_after:
                loop = asyncio.get_running_loop()
                loop.call_later(self._received.answers_after, self._confirm, body)
            else:
                self._confirm(body)
            return
        query = parse_qs(urlsplit(head.target).query)
        if head.method == "DELETE":
            self._received.clear()
            self._received.answers_after = float(query.get("answers_after", ["0"])[0])
            self._answer(b"{}")
        else:
            task = asyncio.create_task(self._tell(int(query["messages"][0])))
            self._controls.add(task)
            task.add_done_callback(self._controls.discard)

    def _confirm(self, body: bytes) -> None:
        self._received.take(body)
        self._answer(b'{"success":true}')

    async def _tell(self, messages: int) -> None:
        self._answer(to_json(await self._received.complete(messages)))

    def _answer(self, body: bytes, status: str = "200 OK") -> None:
        self._transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status.encode(), len(body), body)
        )


async def serve(port: int) -> None:
    """Listen on loopback until the process is ended."""
    received = Received()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(received), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args().port))
