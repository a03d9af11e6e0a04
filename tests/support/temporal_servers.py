"""Servers on loopback that a connection to Temporal meets when its settings are wrong."""

import asyncio
import contextlib
import socketserver
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import Thread

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_HEADER_BYTES = 9
_HEADERS, _SETTINGS = 1, 4
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_STATUS_200 = b"\x88"


def _frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content))[1:] + struct.pack(">BBI", kind, flags, stream) + content


def _header(name: bytes, value: bytes) -> bytes:
    """Neither indexed nor compressed (RFC 7541, 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


@asynccontextmanager
async def grpc_server(status: int) -> AsyncIterator[str]:
    """A server that answers each call with this gRPC status; yields its address."""
    fields = _STATUS_200 + _header(b"content-type", b"application/grpc")
    fields += _header(b"grpc-status", b"%d" % status)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(len(_PREFACE))
            writer.write(_frame(_SETTINGS, 0, 0))
            while True:
                head = await reader.readexactly(_FRAME_HEADER_BYTES)
                await reader.readexactly(int.from_bytes(head[:3]))
                kind, flags, stream = struct.unpack(">BBI", head[3:])
                if kind == _SETTINGS and not flags & _ACK:
                    writer.write(_frame(_SETTINGS, _ACK, 0))
                elif kind == _HEADERS:
                    writer.write(_frame(_HEADERS, _END_STREAM | _END_HEADERS, stream, fields))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextmanager
def tls_server(context: ssl.SSLContext, protocol: str = "h2") -> Iterator[str]:
    """A server that makes TLS connections and says nothing on them; yields its address."""
    context.set_alpn_protocols([protocol])
    # With threads: asyncio closes a connection before its alert can be read.
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _TlsHandler) as server:
        server.daemon_threads = True
        server.context = context  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"localhost:{server.server_address[1]}"
        server.shutdown()


class _TlsHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        context: ssl.SSLContext = self.server.context  # type: ignore[attr-defined]
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(self.request, server_side=True) as connection,
        ):
            while connection.recv(1024):
                pass
