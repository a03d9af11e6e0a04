"""Structured logs: one line an event, as JSON for machines or in columns for people."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

_FOREIGN = (structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name)

_LEAST = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "temporalio": logging.INFO,
    "uvicorn.error": logging.CRITICAL,
}
"""Below these, httpx logs whole URLs, Temporal's SDK whole payloads and uvicorn what an exception
says: user data, all of it."""


def _without_the_cores_own_record(_: Any, __: str, event: EventDict) -> EventDict:
    """The core's forwarded lines carry an object that no log can show."""
    event.pop("temporal_log", None)
    return event


def configure(log_format: str, level: str) -> None:
    """Send every record of the process to standard error.

    Args:
        log_format: "json", "console", or "auto" for console on a terminal and JSON elsewhere.
        level: The least level that is shown.
    """
    people = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    renderer = structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *_FOREIGN,
                structlog.stdlib.ExtraAdder(),
                _without_the_cores_own_record,
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
    for name, least in _LEAST.items():
        logging.getLogger(name).setLevel(max(least, logging.getLogger().level))


def runtime() -> Runtime:
    """The SDK's core writes to standard output by itself; here it writes where all others do."""
    # Without its fields: they may hold payloads.
    forwarding = LogForwardingConfig(
        logging.getLogger("temporalio.core"), append_log_fields_to_message=False
    )
    levels = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(levels, forwarding)))
