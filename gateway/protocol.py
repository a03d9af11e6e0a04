"""uvicorn's HTTP protocol, and what it leaves open: bounds of the headers of a request."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEADERS_SECONDS = 10.0
_HEADERS_BYTES = 64 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose headers do not end."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unfinished_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there, which has to say something."""
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes."""
        self._headers_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or of several."""
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._deadline and self._unfinished_bytes > _HEADERS_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        if self._deadline is None:
            self._expect_headers()

    def on_headers_complete(self) -> None:
        """The rest is the body, which the application bounds."""
        self._headers_ended()
        super().on_headers_complete()

    def _expect_headers(self) -> None:
        self._unfinished_bytes = 0
        self._deadline = self.loop.call_later(_HEADERS_SECONDS, self.transport.abort)

    def _headers_ended(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
