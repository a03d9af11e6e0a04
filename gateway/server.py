"""Runs the gateway until SIGTERM or SIGINT, then completes the requests that it has accepted."""

import logging
import math

import uvicorn
from temporalio.runtime import Runtime

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
from runtime.listening import cannot_listen
from runtime.logs import create_runtime
from runtime.metrics import prometheus

log = logging.getLogger("durable_analytics.gateway")

_KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open. SDKs and most load balancers close theirs earlier, so
they do not send a request on a connection that the gateway is closing."""


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: The gateway cannot listen on the configured address.
    """
    listener = listen(settings.gateway.host, settings.gateway.port, "gateway")
    runtime = _create_runtime(settings.gateway.metrics_address)
    # Lazy, so that the gateway starts while Temporal is out of reach, and responds with 503.
    client = await connect(
        runtime=runtime,
        data_converter=data_converter(
            compress=settings.compress_payloads, encryption_keys=settings.payload_keys
        ),
        lazy=True,
    )
    executions = Executions(client, settings)
    # An accepted request takes no longer: first its body arrives, then Temporal stores it.
    longest_request_seconds = BODY_TIMEOUT_SECONDS + settings.gateway.answer_timeout.total_seconds()
    app = create_app(settings, executions, runtime.metric_meter)
    config = uvicorn.Config(
        TracedApp(app, app.routes) if tracing.is_enabled() else app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        backlog=BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(longest_request_seconds),
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


def _create_runtime(metrics_address: str | None) -> Runtime:
    """Return a runtime of Temporal's SDK that serves the metrics of this process.

    Args:
        metrics_address: The IP address and the port; None serves no metrics.

    Raises:
        SettingsError: It cannot listen on the address.
    """
    try:
        return create_runtime(prometheus(metrics_address) if metrics_address else None)
    except ValueError:
        raise cannot_listen("gateway.metrics_address", str(metrics_address)) from None
