"""Spans without the messages of exceptions, which may hold personal data (extra `otel`)."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status


class CleanExporter(SpanExporter):
    """Passes spans on without their events, and with the type of an exception as their status.

    The SDK of Temporal records each exception with its message and stack trace.

    Args:
        exporter: Sends the spans.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See base class."""
        return self._exporter.export([_cleaned(span) for span in spans])

    def shutdown(self) -> None:
        """See base class."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See base class."""
        return self._exporter.force_flush(timeout_millis)


def _cleaned(span: ReadableSpan) -> ReadableSpan:
    status = span.status
    if status.description:
        # Temporal's SDK writes "TypeOfException: message".
        status = Status(status.status_code, status.description.partition(":")[0])
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        links=span.links,
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
