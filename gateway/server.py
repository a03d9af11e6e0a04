"""The gateway process: it serves until SIGTERM or SIGINT, then completes the accepted requests."""

import logging
import math

import uvicorn
from temporalio.runtime import Runtime

from durable_analytics.errors import SettingsError
from durable_analytics.temporal import tracing
from durable_analytics.temporal.codecs import data_converter
from durable_analytics.temporal.connection import connect
from gateway.app import create_app
from gateway.bodies import BODY_TIMEOUT_SECONDS
from gateway.executions import Executions
from gateway.protocol import BoundedProtocol
from gateway.settings import Settings
from gateway.tracing import TracedApp
from runtime.http_server import BACKLOG, listen, serve
from runtime.logs import runtime
from runtime.metrics import prometheus

log = logging.getLogger("durable_analytics.gateway")

_KEEP_ALIVE_SECONDS = 75
"""Longer than the pause of SDKs, and of most load balancers, between two requests."""


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: The gateway cannot listen on the configured address.
    """
    listener = listen(settings.gateway.host, settings.gateway.port, "gateway")
    process_runtime = _runtime(settings.gateway.metrics_address)
    # Lazy, so that the gateway starts, and reports 503, while Temporal is out of reach.
    client = await connect(
        runtime=process_runtime,
        data_converter=data_converter(
            compress=settings.compress_payloads, encryption_keys=settings.payload_keys
        ),
        lazy=True,
    )
    executions = Executions(client, settings)
    # The longest time that an accepted request takes: first its body, then Temporal.
    request_seconds = BODY_TIMEOUT_SECONDS + settings.gateway.answer_timeout.total_seconds()
    app = create_app(settings, executions, process_runtime.metric_meter)
    config = uvicorn.Config(
        TracedApp(app, app.routes) if tracing.is_enabled() else app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        backlog=BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(request_seconds),
        forwarded_allow_ips=settings.gateway.trusted_proxies,
        access_log=False,
        log_config=None,
        server_header=False,
    )
    log.info(
        "gateway started",
        extra={
            "port": settings.gateway.port,
            "sources": sorted(settings.sources),
            "encryption_keys": [key.id for key in settings.payload_keys],
        },
    )
    await serve(config, listener, on_stop=lambda: log.info("gateway stopping"))
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
