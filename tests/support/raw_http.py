"""HTTP requests to a gateway, byte by byte, as no HTTP client would send them."""

import asyncio
import base64
from dataclasses import dataclass

from pydantic_core import from_json

from tests.support.gateway_process import Gateway

_TIMEOUT_SECONDS = 30
BODY = b'{"userId":"u-1","event":"E"}'
BASIC = b"Authorization: Basic " + base64.b64encode(b"segment:")
LENGTH = b"Content-Length: %d" % len(BODY)


@dataclass
class RawResponse:
    """The bytes of a response."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        """HTTP's; 0 where the connection closed without an response."""
        return int(self.head.split(b" ")[1]) if self.head else 0

    @property
    def message(self) -> str:
        """The message of an error response; empty if the HTTP server itself responded."""
        if b"\r\ncontent-type: application/json" not in self.head.lower():
            return ""
        return str(from_json(self.body).get("message", ""))


async def exchange(gateway: Gateway, request: bytes, *, half_close: bool = False) -> RawResponse:
    """Send these bytes, and read the whole response."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            writer.write(request)
            if half_close:
                writer.write_eof()
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return RawResponse(b"", b"")
            sizes = [
                int(line.partition(b":")[2])
                for line in head.lower().splitlines()
                if line.startswith(b"content-length:")
            ]
            return RawResponse(head, await reader.readexactly(sum(sizes)))
    finally:
        writer.close()


def post(*headers: bytes, body: bytes = BODY, path: bytes = b"/v1/track") -> bytes:
    """Return the bytes of a request with these headers only."""
    line = b"POST %b HTTP/1.1" % path
    return b"\r\n".join([line, b"Host: gateway", *headers, b"", body])
