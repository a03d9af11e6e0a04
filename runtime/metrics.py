"""The metrics of our processes, in the meter of Temporal's SDK.

So they appear where the SDK's own metrics do: at the Prometheus endpoint of the process, or where
the runtime of a team's own worker exports to. Names and labels reach Prometheus as they stand here.
"""

import socket
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.runtime import PrometheusConfig, Runtime

from durable_analytics.wire.message_counts import REASONS, MessageCount
from durable_analytics.wire.methods import BATCH, METHODS

UNKNOWN = "unknown"
"""The label for what is not known to the process: callers can write any integration or method."""

STATES = ("running", "paused", "probing")

_METHODS = frozenset({*METHODS, BATCH.key})

_BUCKETS = {
    "analytics_delivery_seconds": (
        *(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
        *(300, 900, 3600, 21_600, 86_400),
    ),
    "analytics_request_seconds": (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    "analytics_batch_messages": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
}


def prometheus(address: str) -> PrometheusConfig:
    """Return the configuration of an endpoint of the SDK.

    Args:
        address: IP address and port.
    """
    return PrometheusConfig(
        bind_address=address, durations_as_seconds=True, histogram_bucket_overrides=_BUCKETS
    )


def meter_of(client: Client) -> MetricMeter:
    """Return the meter of the runtime of a client; it records nothing if the runtime exports none.

    The labels of the SDK's meters for workflows and activities would be added to ours.
    """
    return (client.service_client.config.runtime or Runtime.default()).metric_meter


def split_address(address: str) -> tuple[str, int]:
    """Return the IP address and the port of a setting like `127.0.0.1:9464` or `[::1]:9464`."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def free_loopback_address() -> str:
    """Return a loopback address with a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Metrics:
    """The metrics of one process. They record nothing until `start`.

    Args:
        integrations: The configured integrations; others are recorded as `unknown`.
    """

    def __init__(self, integrations: Collection[str]) -> None:
        self.integrations = frozenset(integrations)
        self.is_recorded = False
        """Whether anybody sees the metrics."""

        self._create(MetricMeter.noop)

    def start(self, meter: MetricMeter) -> None:
        """Record with a meter from now on."""
        if not self.is_recorded and meter is not MetricMeter.noop:
            self._create(meter)
            self.is_recorded = True

    def _create(self, meter: MetricMeter) -> None:
        self._messages = meter.create_counter(
            "analytics_messages_total", "Messages that reached a stage"
        )
        self._batch_messages = meter.create_histogram(
            "analytics_batch_messages", "Messages of a batch"
        )
        self._delivery_seconds = meter.create_histogram_float(
            "analytics_delivery_seconds",
            "Time from the acceptance of a message or batch to the provider's confirmation",
        )
        self._attempts = meter.create_counter(
            "analytics_attempts_total", "HTTP requests to providers"
        )
        self._request_seconds = meter.create_histogram_float(
            "analytics_request_seconds", "Time of an HTTP request to a provider"
        )
        self._state = meter.create_gauge(
            "analytics_integration_state", "1 for the current state of an integration, else 0"
        )

    def messages(self, method: str, counts: Iterable[MessageCount], seconds: float = 0.0) -> None:
        """Record messages that have reached a stage.

        Args:
            method: The key of the method, or of the batch.
            counts: The messages of one execution.
            seconds: The time since Temporal accepted them.
        """
        is_batch = method == BATCH.key
        for count in counts:
            integration = self._known(count.integration)
            self._messages.add(
                count.messages,
                {
                    "integration": integration,
                    "method": method if method in _METHODS else UNKNOWN,
                    "stage": count.stage,
                    "reason": count.reason if count.reason in REASONS else UNKNOWN,
                },
            )
            if count.stage == "delivered":
                self._delivery_seconds.record(seconds, {"integration": integration})
            elif count.stage == "received" and is_batch:
                self._batch_messages.record(count.messages)
                is_batch = False  # the integrations of a fan-out get the same batch

    def request(
        self, integration: str, outcome: str, status: int | None, duration: timedelta
    ) -> None:
        """Record an HTTP request to a provider.

        Args:
            integration: The integration.
            outcome: `success`, or the failure type.
            status: The status of the response; None without one.
            duration: From its start to its response or failure.
        """
        name = self._known(integration)
        self._attempts.add(1, {"integration": name, "outcome": outcome})
        labels = {"integration": name, "status": str(status) if status else "none"}
        self._request_seconds.record(duration.total_seconds(), labels)

    def states(self, states: Mapping[str, str]) -> None:
        """Record the state of each integration."""
        for name, current in states.items():
            for state in STATES:
                labels = {"integration": self._known(name), "state": state}
                self._state.set(int(state == current), labels)

    def _known(self, integration: str | None) -> str:
        return integration if integration in self.integrations else UNKNOWN
