"""The gateway process: listen, and on SIGTERM or SIGINT answer what has come in, in time."""

import asyncio
import logging
import os
import signal
import socket

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from granian.utils.proxies import wrap_asgi_with_proxy_headers

from durable_analytics.codecs import data_converter
from durable_analytics.connection import connect
from durable_analytics.errors import SettingsError
from gateway.app import create_app
from gateway.executions import Executions
from gateway.settings import GatewaySettings, Settings
from process.logs import runtime

log = logging.getLogger("durable_analytics.gateway")

_HEADERS = HTTP1Settings(header_read_timeout=10_000, max_buffer_size=128 * 1024)
"""Milliseconds and bytes for the headers of a request."""

_CONNECTIONS = 1024
"""At once; more wait."""

_GRACE_SECONDS = 10.0
"""For what has come in before SIGTERM; then the process ends whatever hangs."""


async def run(settings: Settings) -> None:
    """Serve until a signal.

    Raises:
        SettingsError: The address cannot be listened on.
    """
    check_address(settings.gateway)
    # Lazy: it is up while Temporal is not, and says so.
    client = await connect(
        runtime=runtime(),
        data_converter=data_converter(compress=settings.compress_payloads),
        lazy=True,
    )
    app = create_app(settings, Executions(client, settings))
    server = Server(
        wrap_asgi_with_proxy_headers(app, trusted_hosts=settings.gateway.trusted_proxies),
        settings.gateway.host,
        settings.gateway.port,
        interface=Interfaces.ASGI,
        http1_settings=_HEADERS,
        websockets=False,
        backlog=_CONNECTIONS,
        backpressure=_CONNECTIONS,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, _stop, server)
    log.info(
        "gateway started",
        extra={"port": settings.gateway.port, "sources": sorted(settings.sources)},
    )
    await server.serve()
    log.info("gateway stopped")


def _stop(server: Server) -> None:
    log.info("gateway stopping")
    asyncio.get_running_loop().call_later(_GRACE_SECONDS, _end_now)
    server.stop()  # type: ignore[no-untyped-call]  # granian's


def _end_now() -> None:
    log.error("gateway ended", extra={"reason": "the shutdown took longer than its grace"})
    os._exit(1)


def check_address(where: GatewaySettings) -> None:
    """Find out before the server does, whose words name no setting.

    Raises:
        SettingsError: Somebody else listens there, or it is no address of this machine.
    """
    try:
        family = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((where.host, where.port))
    except OSError as error:
        told = f"gateway.host, gateway.port: cannot listen on {where.host}:{where.port}"
        raise SettingsError([f"{told}: {error.strerror}; set another one"]) from None
