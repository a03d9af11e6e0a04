"""uvicorn's HTTP protocol, and what it leaves open: bounds of all but the body of a request."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_SECONDS = 10.0
"""For what a client owes: the headers of a request, or the rest of one that has its answer."""

_BYTES = 64 * 1024
"""Without a body among them: headers, trailers, or nothing of a request at all."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection that sends no end of headers. The application bounds the body."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there, which has to say something."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes."""
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or of several."""
        self._bytes += len(data)
        super().data_received(data)
        if self._bytes > _BYTES:
            self.transport.abort()
        self._watch()

    def on_headers_complete(self) -> None:
        """See base class."""
        self._bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See base class."""
        self._bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See base class."""
        self._bytes = 0
        super().on_message_complete()

    def _watch(self) -> None:
        """Set a deadline, unless the application waits for the client, or its keep-alive runs."""
        is_answered = self.cycle is None or self.cycle.response_complete
        if not is_answered or self.timeout_keep_alive_task or self.transport.is_closing():
            self._unwatch()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(_SECONDS, self.transport.abort)

    def _unwatch(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
