"""The gateway process: listen, and on SIGTERM or SIGINT answer what has come in, in time."""

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from durable_analytics.codecs import data_converter
from durable_analytics.connection import connect
from durable_analytics.errors import SettingsError
from gateway.app import create_app
from gateway.executions import Executions
from gateway.protocol import BoundedProtocol
from gateway.settings import GatewaySettings, Settings
from process.logs import runtime

log = logging.getLogger("durable_analytics.gateway")

_BACKLOG = 2048
"""Connections that wait to be taken."""

_KEEP_ALIVE_SECONDS = 75
"""Longer than SDKs wait between two requests, and most load balancers too."""

_GRACE_SECONDS = 10
"""For what has come in before SIGTERM."""


async def run(settings: Settings) -> None:
    """Serve until a signal.

    Raises:
        SettingsError: The address cannot be listened on.
    """
    listening = listen(settings.gateway)
    # Lazy: it is up while Temporal is not, and says so.
    client = await connect(
        runtime=runtime(),
        data_converter=data_converter(compress=settings.compress_payloads),
        lazy=True,
    )
    config = uvicorn.Config(
        create_app(settings, Executions(client, settings)),
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        forwarded_allow_ips=settings.gateway.trusted_proxies,
        access_log=False,
        log_config=None,
        server_header=False,
    )
    server = _Server(config)
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, _stop, server)
    log.info(
        "gateway started",
        extra={"port": settings.gateway.port, "sources": sorted(settings.sources)},
    )
    await server.serve(sockets=[listening])
    log.info("gateway stopped")


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: uvicorn would end the process with the one that it got."""
        yield


def _stop(server: _Server) -> None:
    log.info("gateway stopping")
    server.should_exit = True


def listen(where: GatewaySettings) -> socket.socket:
    """A socket that listens there; connections wait until they are served.

    Raises:
        SettingsError: Somebody else does, or it is no address of this machine.
    """
    at = (where.host, where.port)
    listening = None
    try:
        family = socket.getaddrinfo(*at, type=socket.SOCK_STREAM)[0][0]
        # Only where the protocol is named does asyncio switch Nagle's algorithm off: 40 ms a
        # request.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(at)
        listening.listen(_BACKLOG)
    except OSError as error:
        if listening:
            listening.close()
        told = f"gateway.host, gateway.port: cannot listen on {where.host}:{where.port}"
        raise SettingsError([f"{told}: {error.strerror}; set another one"]) from None
    return listening
