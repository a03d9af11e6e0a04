"""What processes that serve HTTP share: listening, serving until a signal, and the health check."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from durable_analytics.errors import SettingsError
from runtime.listening import cannot_listen
from runtime.local_requests import OPENER

BACKLOG = 2048
"""The maximum number of connections that wait to be accepted."""

_HEALTH_TIMEOUT_SECONDS = 4
_LOOPBACK_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # not bound here
"""For an address that means every address of the machine, the one to send a request to."""


async def serve(
    config: uvicorn.Config, listener: socket.socket, on_stop: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT, then complete the accepted requests.

    Args:
        config: The application, and how uvicorn serves it.
        listener: The socket that the server listens on.
        on_stop: Called at each signal.
    """
    server = _Server(config)

    def stop() -> None:
        on_stop()
        server.should_exit = True

    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop)
    await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install none of uvicorn's signal handlers: they end the process by the signal."""
        yield


def listen(host: str, port: int, section: str) -> socket.socket:
    """Return a socket that listens on an address.

    Args:
        host: The host name or IP address.
        port: The port.
        section: The section of the settings with `host` and `port`, for the error.

    Raises:
        SettingsError: The address is in use, or does not belong to this machine.
    """
    address = (host, port)
    listener = None
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        # Name the protocol: without it, asyncio does not turn off Nagle's algorithm, which delays
        # requests by 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        if listener:
            listener.close()
        settings = f"{section}.host, {section}.port"
        raise cannot_listen(settings, f"{host}:{port}", error.strerror) from None
    return listener


def request_health(host: str, port: int) -> None:
    """Request `/health` of a server on this machine.

    Raises:
        OSError: The server does not respond within 4 s, or responds with an error status.
    """
    address = _LOOPBACK_ADDRESSES.get(host, host)
    url = f"http://{f'[{address}]' if ':' in address else address}:{port}/health"
    OPENER.open(url, timeout=_HEALTH_TIMEOUT_SECONDS).close()


def check_health(read_address: Callable[[], tuple[str, int]]) -> int:
    """Request `/health`, and return the exit status for the health check of a container.

    Args:
        read_address: Returns the configured host and port; it may raise `SettingsError`.
    """
    try:
        request_health(*read_address())
    except (SettingsError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201  # Docker keeps it with the health status
        return 1
    return 0
