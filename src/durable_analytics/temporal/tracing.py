"""Traces of OpenTelemetry, from a caller to the provider's HTTP request (extra `otel`).

They are on if an exporter is configured with OpenTelemetry's own variables and the packages are
installed. Spans hold no personal data: no bodies, no paths or queries of URLs, no messages of
exceptions.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer
    from temporalio.contrib.opentelemetry import TracingInterceptor

log = logging.getLogger("durable_analytics.tracing")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORTER = "OTEL_TRACES_EXPORTER"

Kind = Literal["client", "internal", "server"]

_PACKAGES = ("opentelemetry.sdk", "temporalio.contrib.opentelemetry")


@cache
def is_enabled() -> bool:
    """Whether spans are made in this process."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = os.environ.get(EXPORTER, "").strip()
    if exporter == "none" or not (exporter or any(os.environ.get(name) for name in ENDPOINTS)):
        return False
    if not _are_installed():
        log.warning(
            "traces are configured, and packages are missing: install durable-analytics[otel]"
        )
        return False
    return True


def interceptors() -> "list[TracingInterceptor]":
    """Return the interceptors of a Temporal client; workers on that client have them too."""
    if not is_enabled():
        return []
    from durable_analytics.temporal._tracing_interceptor import (  # noqa: PLC0415  # an extra
        TraceContextInterceptor,
    )

    return [TraceContextInterceptor()]


def span(
    name: str,
    kind: Kind = "internal",
    attributes: Mapping[str, str | int] | None = None,
    *,
    parent: "Context | None" = None,
    links: "Sequence[Context]" = (),
) -> "AbstractContextManager[Span | None]":
    """Make a span for a block; it yields None if traces are off.

    An exception makes it a failure with the type of the exception, without its message.

    Args:
        name: Its name, of which there are few: no ids.
        kind: Its kind.
        attributes: Its attributes, without personal data.
        parent: The context that it belongs to; None is the current one.
        links: Further contexts that it serves.
    """
    tracer = _tracer()
    if tracer is None:
        return _OFF
    return _span(tracer, name, kind, attributes, parent=parent, links=links)


def current_context() -> "Context | None":
    """Return the context of the current span, to pass it on; None if traces are off."""
    if _tracer() is None:
        return None
    from opentelemetry.context import get_current  # noqa: PLC0415  # an extra

    return get_current()


def context_of(headers: Mapping[str, str]) -> "Context | None":
    """Return the context that a caller sends as `traceparent`; None if traces are off."""
    if _tracer() is None:
        return None
    from opentelemetry.context import Context  # noqa: PLC0415  # an extra
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
        TraceContextTextMapPropagator,
    )

    return TraceContextTextMapPropagator().extract(dict(headers), Context())


_OFF: AbstractContextManager[None] = nullcontext()


@contextmanager
def _span(
    tracer: "Tracer",
    name: str,
    kind: Kind,
    attributes: Mapping[str, str | int] | None,
    *,
    parent: "Context | None",
    links: "Sequence[Context]",
) -> "Iterator[Span]":
    from opentelemetry import trace  # noqa: PLC0415  # an extra

    contexts = [trace.get_current_span(one).get_span_context() for one in links]
    with tracer.start_as_current_span(
        name,
        context=parent,
        kind=trace.SpanKind[kind.upper()],
        attributes=attributes,
        links=[trace.Link(one) for one in contexts if one.is_valid],
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except BaseException as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(trace.StatusCode.ERROR)
            raise


@cache
def _tracer() -> "Tracer | None":
    if not is_enabled():
        return None
    from opentelemetry import trace  # noqa: PLC0415  # an extra

    return trace.get_tracer("durable_analytics")


def _are_installed() -> bool:
    try:
        return all(find_spec(name) for name in _PACKAGES) and find_spec("opentelemetry") is not None
    except ModuleNotFoundError:
        return False


def forget() -> None:
    """Read the variables again; for tests."""
    caches: Sequence[Callable[[], Any]] = (is_enabled, _tracer)
    for cached in caches:
        cached.cache_clear()  # type: ignore[attr-defined]
