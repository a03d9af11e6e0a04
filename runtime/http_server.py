"""What the processes that serve HTTP share: they listen, serve until a signal, and are checked."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from durable_analytics.errors import SettingsError
from runtime.local_requests import OPENER

BACKLOG = 2048
"""The maximum number of connections that wait to be accepted."""

_HEALTH_TIMEOUT_SECONDS = 4
_ON_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # not bound here
"""The address for a request to a server that listens on every address."""


async def serve(
    config: uvicorn.Config, listener: socket.socket, on_stop: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT, then complete the accepted requests.

    Args:
        config: The server.
        listener: The socket that it listens on.
        on_stop: Called with each signal.
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
        """Install no signal handlers: uvicorn's would end the process with the signal."""
        yield


def listen(host: str, port: int, section: str) -> socket.socket:
    """Return a socket that listens on an address.

    Args:
        host: The address.
        port: The port.
        section: The section of the settings that has both.

    Raises:
        SettingsError: The address is in use, or does not belong to this machine.
    """
    address = (host, port)
    listener = None
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        # asyncio turns off Nagle's algorithm, which delays requests by 40 ms, only if the protocol
        # is given.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        if listener:
            listener.close()
        reason = f"{section}.host, {section}.port: cannot listen on {host}:{port}"
        raise SettingsError([f"{reason}: {error.strerror}; set another address or port"]) from None
    return listener


def request_health(host: str, port: int) -> None:
    """Request `/health` of a server on this machine.

    Raises:
        OSError: It does not respond, or not with a 2xx.
    """
    address = _ON_THIS_MACHINE.get(host, host)
    url = f"http://{f'[{address}]' if ':' in address else address}:{port}/health"
    OPENER.open(url, timeout=_HEALTH_TIMEOUT_SECONDS).close()


def check_health(read_address: Callable[[], tuple[str, int]]) -> int:
    """Request `/health`, as the health check of a container; return the exit status.

    Args:
        read_address: Returns the host and the port of the settings; it may raise `SettingsError`.
    """
    try:
        request_health(*read_address())
    except (SettingsError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201  # Docker keeps it with the health status
        return 1
    return 0
