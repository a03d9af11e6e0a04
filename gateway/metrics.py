"""The metrics of the gateway: its requests, and the messages that it refuses."""

from starlette.types import Scope
from temporalio.common import MetricMeter

from durable_analytics.wire.methods import BATCH
from gateway.routes import MESSAGE_TYPES
from gateway.sources import Source
from runtime.metrics import UNKNOWN

_SOURCE = "durable_analytics.source"
_METHOD = "durable_analytics.method"
_MESSAGES = "durable_analytics.messages"

_METHODS = frozenset({*MESSAGE_TYPES, "delete", BATCH.key})

_RETRIED = frozenset({408, 429})
"""The statuses below 500 after which SDKs send the same messages again."""


def note_method(scope: Scope, method: str) -> None:
    """Note what a request is: a message type, `delete` or `batch`. Only such requests count."""
    scope[_METHOD] = method


def note_source(scope: Scope, source: Source) -> None:
    """Note the source of a request."""
    scope[_SOURCE] = source


def note_messages(scope: Scope, count: int) -> None:
    """Note how many messages a request has; one by default."""
    scope[_MESSAGES] = count


class GatewayMetrics:
    """The metrics of a gateway process, for Prometheus.

    Args:
        meter: The meter of the process.
    """

    def __init__(self, meter: MetricMeter) -> None:
        self._requests = meter.create_counter(
            "analytics_gateway_requests_total", "Requests with messages"
        )
        self._messages = meter.create_counter(
            "analytics_messages_total", "Messages that reached a stage"
        )

    def responded(self, scope: Scope, status: int) -> None:
        """Record a request, and its messages if the gateway has refused them."""
        method = scope.get(_METHOD)
        if method is None:
            return
        source: Source | None = scope.get(_SOURCE)
        name = source.name if source else UNKNOWN
        self._requests.add(1, {"source": name, "status": str(status)})
        if not 400 <= status < 500 or status in _RETRIED:
            return
        for integration in source.settings.integrations if source else [UNKNOWN]:
            labels = {
                "integration": integration,
                "method": method if method in _METHODS else UNKNOWN,
            }
            count = scope.get(_MESSAGES, 1)
            self._messages.add(count, {**labels, "stage": "received", "reason": ""})
            self._messages.add(count, {**labels, "stage": "refused", "reason": f"http_{status}"})
