"""Customer-analytics messages, delivered durably to HTTP providers, on Temporal."""

from durable_analytics.buffering import BufferingClient
from durable_analytics.client.arguments import Outcome
from durable_analytics.client.client import AnalyticsClient
from durable_analytics.client.handle import BatchHandle, DeliveryHandle
from durable_analytics.errors import (
    AnalyticsError,
    ClientClosed,
    DeliveryError,
    FieldProblem,
    Internal,
    Interrupted,
    NotAccepted,
    QueueFull,
    RateLimited,
    Rejected,
    SettingsError,
    Unauthorized,
    Unavailable,
    UnknownIntegration,
    UnreadablePayload,
    UnsupportedMethod,
    ValidationError,
)
from durable_analytics.temporal.integration_status import IntegrationStatus
from durable_analytics.version import __version__
from durable_analytics.wire.output_types import BatchOutput, DeliveryOutput
from durable_analytics.wire.policies import Policies, RequestPolicy, RetryPolicy

__all__ = [
    "AnalyticsClient",
    "AnalyticsError",
    "BatchHandle",
    "BatchOutput",
    "BufferingClient",
    "ClientClosed",
    "DeliveryError",
    "DeliveryHandle",
    "DeliveryOutput",
    "FieldProblem",
    "IntegrationStatus",
    "Internal",
    "Interrupted",
    "NotAccepted",
    "Outcome",
    "Policies",
    "QueueFull",
    "RateLimited",
    "Rejected",
    "RequestPolicy",
    "RetryPolicy",
    "SettingsError",
    "Unauthorized",
    "Unavailable",
    "UnknownIntegration",
    "UnreadablePayload",
    "UnsupportedMethod",
    "ValidationError",
    "__version__",
]
