"""Structured logs: one line for each event, as JSON or in columns for a terminal."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

_FOREIGN = (structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name)

_MINIMUM_LEVELS = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "temporalio": logging.INFO,
    "uvicorn.error": logging.CRITICAL,
}
"""The lowest levels of loggers whose other records contain user data: URLs of httpx, payloads of
Temporal's SDK, and messages of exceptions of uvicorn."""


def _drop_core_record(_: Any, __: str, event: EventDict) -> EventDict:
    """Remove the object in forwarded records of the SDK's core, which no renderer can show."""
    event.pop("temporal_log", None)
    return event


def configure(log_format: str, level: str) -> None:
    """Write all records of the process to standard error.

    Args:
        log_format: "json", "console", or "auto": console on a terminal, otherwise JSON.
        level: The lowest level that is written.
    """
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    renderer = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *_FOREIGN,
                structlog.stdlib.ExtraAdder(),
                _drop_core_record,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("event"),
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, minimum in _MINIMUM_LEVELS.items():
        logging.getLogger(name).setLevel(max(minimum, logging.getLogger().level))


def create_runtime(metrics: PrometheusConfig | None = None) -> Runtime:
    """Return a runtime of Temporal's SDK whose core writes to the logs of this process.

    Args:
        metrics: Where the SDK serves its metrics; None serves none.

    Raises:
        ValueError: The address is in use, or does not belong to this machine.
    """
    # The fields of the core's records may contain payloads.
    forwarding = LogForwardingConfig(
        logging.getLogger("temporalio.core"), append_log_fields_to_message=False
    )
    levels = TelemetryFilter(core_level="WARN", other_level="ERROR")
    telemetry = TelemetryConfig(
        logging=LoggingConfig(levels, forwarding), metrics=metrics, attach_service_name=False
    )
    return Runtime(telemetry=telemetry)
