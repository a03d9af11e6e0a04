"""uvicorn's HTTP protocol with limits, early responses, and a shutdown that completes requests.

It overrides internals of uvicorn: pyproject.toml pins the tested versions, and
tests/gateway/test_uvicorn.py checks the internals.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.bodies import IS_COMPLETE

_CLIENT_TIMEOUT_SECONDS = 10.0
"""How long a client may take to send the headers of a request, or the rest of a request whose
response has been sent."""

_MAX_HEADER_BYTES = 64 * 1024
"""The maximum number of bytes that a client may send outside a body: headers, trailers, or data
between requests."""

_MAX_DISCARDED_BYTES = 128 * 1024 * 1024
"""The maximum size of the rest of a request whose response has been sent."""

_DRAIN_SECONDS = 0.5
"""How long a shutdown keeps idle connections open for requests that are already on their way."""


class LingeringTransport:
    """A transport that closes a connection without a reset while the client still sends.

    A reset would discard the response before the client reads it. The transport therefore closes
    the sending direction first, and discards the data that it receives.

    Args:
        transport: The transport of the connection.
        must_linger: Returns whether the client still sends.
        on_linger: Called when the sending direction is closed.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        must_linger: Callable[[], bool],
        on_linger: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._must_linger = must_linger
        self._on_linger = on_linger
        self.lingers = False
        """Whether the sending direction is closed and received data is to be discarded."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """See base class; ignored if the sending direction is closed."""
        if not self.lingers:
            self._transport.write(data)

    def is_closing(self) -> bool:
        """See base class."""
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        """See base class."""
        if not self._must_linger() or self._transport.is_closing():
            self._transport.close()
        elif not self.lingers:
            self.lingers = True
            self._transport.write_eof()
            self._transport.resume_reading()
            self._on_linger()


class BoundedProtocol(HttpToolsProtocol):
    """Limits what a client may send outside the body of a request, which the application limits.

    A client can read a response that is sent before the end of its request: the rest of the request
    is discarded, within limits. Trailers do not count as headers.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._bytes_outside_body = 0
        self._discarded_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._is_incomplete = False
        """Whether a request has begun and not ended."""
        self._has_headers = False
        """Whether the headers of that request are complete."""
        self._is_shutting_down = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See base class; the client must send a request in time."""
        self._lingering = LingeringTransport(
            transport, lambda: self._is_incomplete, self._update_deadline
        )
        super().connection_made(self._lingering)  # type: ignore[arg-type]
        self._update_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """See base class."""
        self._cancel_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See base class."""
        if self._lingering.lingers:
            self._discard(data)
            return
        self._bytes_outside_body += len(data)
        super().data_received(data)
        if self._bytes_outside_body > _MAX_HEADER_BYTES:
            self.transport.abort()
        self._update_deadline()

    def on_message_begin(self) -> None:
        """See base class."""
        self._is_incomplete, self._has_headers = True, False
        self._discarded_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """See base class; the parser calls it for trailers as well."""
        if not self._has_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """See base class."""
        self._bytes_outside_body = 0
        self._has_headers = True
        super().on_headers_complete()
        if self._is_shutting_down and self.cycle:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """See base class."""
        self._bytes_outside_body = 0
        if self.cycle.response_complete:
            self._discard(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See base class."""
        self._bytes_outside_body = 0
        self._is_incomplete = False
        self.scope[IS_COMPLETE] = True  # type: ignore[literal-required]
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """See base class; first complete the response to a whole request before this one."""
        if self.cycle and not self.cycle.response_complete and not self.cycle.more_body:
            self.cycle.keep_alive = False  # Close the connection after that response.
        else:
            super().send_400_response(msg)

    def shutdown(self) -> None:
        """See base class; complete requests that are already on their way.

        uvicorn would close an idle connection at once, and so reset it if a request has arrived.
        """
        self._is_shutting_down = True
        self.loop.call_later(_DRAIN_SECONDS, self._shut_down)

    def _shut_down(self) -> None:
        if self._has_headers or not self._is_incomplete:
            super().shutdown()

    def _discard(self, data: bytes) -> None:
        """Discard data that follows the response."""
        self._discarded_bytes += len(data)
        if self._discarded_bytes > _MAX_DISCARDED_BYTES:
            self.transport.abort()

    def _update_deadline(self) -> None:
        """Set a deadline while the gateway waits for the client, and cancel it otherwise."""
        if not self._waits_for_client():
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(_CLIENT_TIMEOUT_SECONDS, self.transport.abort)

    def _waits_for_client(self) -> bool:
        if self._lingering.lingers:
            return True
        if self.cycle is not None and not self.cycle.response_complete:
            return False  # The application limits the time of the body.
        return not self.timeout_keep_alive_task and not self.transport.is_closing()

    def _cancel_deadline(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
