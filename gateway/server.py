"""The gateway process: it serves until SIGTERM or SIGINT, then completes the accepted requests."""

import asyncio
import logging
import math
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from temporalio.runtime import Runtime

from durable_analytics.errors import SettingsError
from durable_analytics.temporal.codecs import data_converter
from durable_analytics.temporal.connection import connect
from gateway.app import create_app
from gateway.bodies import BODY_TIMEOUT_SECONDS
from gateway.executions import Executions
from gateway.protocol import BoundedProtocol
from gateway.settings import GatewaySettings, Settings
from runtime.logs import runtime
from runtime.metrics import prometheus

log = logging.getLogger("durable_analytics.gateway")

_BACKLOG = 2048
"""The maximum number of connections that wait to be accepted."""

_KEEP_ALIVE_SECONDS = 75
"""Longer than the pause of SDKs, and of most load balancers, between two requests."""


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: The gateway cannot listen on the configured address.
    """
    listener = listen(settings.gateway)
    process_runtime = _runtime(settings.gateway.metrics_address)
    # Lazy, so that the gateway starts, and reports 503, while Temporal is out of reach.
    client = await connect(
        runtime=process_runtime,
        data_converter=data_converter(compress=settings.compress_payloads),
        lazy=True,
    )
    executions = Executions(client, settings)
    # The longest time that an accepted request takes: first its body, then Temporal.
    request_seconds = BODY_TIMEOUT_SECONDS + settings.gateway.answer_timeout.total_seconds()
    config = uvicorn.Config(
        create_app(settings, executions, process_runtime.metric_meter),
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(request_seconds),
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
    await server.serve(sockets=[listener])
    await executions.close()
    log.info("gateway stopped")


def _runtime(metrics_address: str | None) -> Runtime:
    """Return the SDK's runtime, which serves the metrics.

    Raises:
        SettingsError: It cannot listen on the address.
    """
    try:
        return runtime(prometheus(metrics_address) if metrics_address else None)
    except ValueError:
        reason = f"gateway.metrics_address: cannot listen on {metrics_address}"
        raise SettingsError([f"{reason}; set another address or port"]) from None


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers: uvicorn's would end the process with the signal."""
        yield


def _stop(server: _Server) -> None:
    log.info("gateway stopping")
    server.should_exit = True


def listen(settings: GatewaySettings) -> socket.socket:
    """Return a socket that listens on the configured address.

    Raises:
        SettingsError: The address is in use, or does not belong to this machine.
    """
    address = (settings.host, settings.port)
    listener = None
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        # asyncio turns off Nagle's algorithm, which delays requests by 40 ms, only if the protocol
        # is given.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        if listener:
            listener.close()
        reason = f"gateway.host, gateway.port: cannot listen on {settings.host}:{settings.port}"
        raise SettingsError([f"{reason}: {error.strerror}; set another address or port"]) from None
    return listener
