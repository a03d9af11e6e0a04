"""Serves `/metrics`, `/health` and `/ready` of a worker on its `metrics_address`.

Temporal's SDK can serve the metrics, but no other path. So the SDK serves them on a loopback port,
and this server forwards `/metrics` to it. It runs in threads, so that it responds even if the event
loop, whose health it reports, hangs.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socket import AF_INET, AF_INET6
from threading import Thread
from typing import Any

from runtime.listening import cannot_listen
from runtime.local_requests import OPENER
from runtime.metrics import free_loopback_address, split_address

_TIMEOUT_SECONDS = 3.0
"""How long a probe waits for the event loop and for Temporal, and a connection for its request."""

Probe = Callable[[], Awaitable[str | None]]
"""Returns in one line why the worker is not ready; None if it is."""


class StatusServer:
    """An HTTP server on a worker's `metrics_address`.

    Args:
        address: The IP address and the port.

    Raises:
        SettingsError: It cannot listen there.
    """

    def __init__(self, address: str) -> None:
        self.sdk_address = free_loopback_address()
        """Where the SDK is to serve its metrics."""

        try:
            self._server = _Server(split_address(address), self.sdk_address)
        except OSError as error:
            raise cannot_listen("metrics_address", address, error.strerror) from None

    def start(self, ready: Probe) -> None:
        """Serve in a thread, until `close`.

        Args:
            ready: Is called on the event loop that runs now.
        """
        self._server.ready, self._server.loop = ready, asyncio.get_running_loop()
        Thread(target=self._server.serve_forever, name="status", daemon=True).start()

    def close(self) -> None:
        """End the server."""
        if self._server.loop:
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    loop: asyncio.AbstractEventLoop | None = None
    ready: Probe

    def __init__(self, address: tuple[str, int], sdk_address: str) -> None:
        self.address_family = AF_INET6 if ip_address(address[0]).version == 6 else AF_INET
        self.sdk_address = sdk_address
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: the client has closed the connection."""

    def problem(self, probe: Probe) -> str | None:
        """Return why a probe fails, be it that the event loop does not run it in time."""
        assert self.loop  # noqa: S101  # it has started
        result = asyncio.run_coroutine_threadsafe(_run(probe), self.loop)
        try:
            return result.result(_TIMEOUT_SECONDS)
        except TimeoutError:
            result.cancel()
            return f"no response within {_TIMEOUT_SECONDS:g} s"
        except CancelledError:
            return "the worker is stopping"


async def _run(probe: Probe) -> str | None:
    return await probe()


async def _healthy() -> str | None:
    return None


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "durable-analytics"
    sys_version = ""
    timeout = _TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """Respond to a request."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._pass_on_metrics()
        elif path == "/health":
            self._respond_to_probe(_healthy)
        elif path == "/ready":
            self._respond_to_probe(self.server.ready)
        else:
            self._respond_json(404, "this path does not exist: /metrics, /health and /ready do")

    do_HEAD = do_GET  # noqa: N815  # the base class finds it by this name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # of the base class
        """Log no requests."""

    def _respond_to_probe(self, probe: Probe) -> None:
        problem = self.server.problem(probe)
        self._respond_json(503 if problem else 200, problem)

    def _pass_on_metrics(self) -> None:
        url = f"http://{self.server.sdk_address}/metrics"
        try:
            with OPENER.open(url, timeout=_TIMEOUT_SECONDS) as response:
                body, kind = response.read(), response.headers["Content-Type"]
        except OSError as error:
            self._respond_json(503, f"the SDK does not serve its metrics: {type(error).__name__}")
        else:
            self._respond(200, kind, body)

    def _respond_json(self, status: int, message: str | None) -> None:
        body = {"success": message is None, **({"message": message} if message else {})}
        self._respond(status, "application/json", json.dumps(body).encode())

    def _respond(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
