"""Where a process sends its traces: to the exporter of OpenTelemetry's variables."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from durable_analytics.errors import SettingsError
from durable_analytics.temporal import tracing
from durable_analytics.version import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_GROUP = "opentelemetry_traces_exporter"
_OTLP = "otlp_proto_http"
"""What "otlp" means: over HTTP, as OpenTelemetry recommends."""


@contextmanager
def traces(service: str) -> Iterator[None]:
    """Send the spans of this process while a block runs, and the last ones at its end.

    Args:
        service: The name of the service, unless `OTEL_SERVICE_NAME` is set.

    Raises:
        SettingsError: The exporter is not installed.
    """
    if not tracing.is_enabled():
        yield
        return
    from opentelemetry import trace  # noqa: PLC0415  # an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    from runtime.clean_spans import CleanExporter  # noqa: PLC0415

    names = {"service.version": __version__}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        names["service.name"] = service
    provider = TracerProvider(resource=Resource.create(names), shutdown_on_exit=False)
    for exporter in _exporters():
        provider.add_span_processor(BatchSpanProcessor(CleanExporter(exporter)))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()


def _exporters() -> "Sequence[SpanExporter]":
    names = os.environ.get(tracing.EXPORTER, "").strip() or "otlp"
    return [_exporter(name.strip()) for name in names.split(",")]


def _exporter(name: str) -> "SpanExporter":
    wanted = _OTLP if name == "otlp" else name
    found = entry_points(group=_GROUP, name=wanted)
    if not found:
        known = ", ".join(sorted({"otlp", *(one.name for one in entry_points(group=_GROUP))}))
        raise SettingsError(
            [f"{tracing.EXPORTER}: there is no exporter of this name; installed: {known}"]
        )
    made: SpanExporter = next(iter(found)).load()()
    return made
