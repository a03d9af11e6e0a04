"""The SDK's interceptor for traces, which passes on the trace alone (extra `otel`)."""

from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.contrib.opentelemetry import (
    TracingInterceptor,
    TracingWorkflowInboundInterceptor,
)
from temporalio.worker import WorkflowInboundInterceptor, WorkflowInterceptorClassInput

_PROPAGATOR: TextMapPropagator = TraceContextTextMapPropagator()
"""Without baggage, which is the caller's and may hold personal data; Temporal would store it."""


class TraceContextInterceptor(TracingInterceptor):
    """Makes spans for starts, workflows and activities, and passes `traceparent` on in headers."""

    def __init__(self) -> None:
        super().__init__()
        self.text_map_propagator = _PROPAGATOR

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[TracingWorkflowInboundInterceptor]:
        """See base class."""
        super().workflow_interceptor_class(input)
        return _WorkflowInbound


class _WorkflowInbound(TracingWorkflowInboundInterceptor):
    def __init__(self, next: WorkflowInboundInterceptor) -> None:
        super().__init__(next)
        self.text_map_propagator = _PROPAGATOR
