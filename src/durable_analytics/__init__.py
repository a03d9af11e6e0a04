"""Customer-analytics messages, delivered durably to HTTP providers, on Temporal."""

from durable_analytics.client import AnalyticsClient
from durable_analytics.errors import (
    AnalyticsError,
    DeliveryError,
    FieldProblem,
    Internal,
    Interrupted,
    NotAccepted,
    RateLimited,
    Rejected,
    SettingsError,
    Unauthorized,
    Unavailable,
    UnknownIntegration,
    UnsupportedMethod,
    ValidationError,
)
from durable_analytics.handle import DeliveryHandle
from durable_analytics.policies import Policies, RequestPolicy, RetryPolicy
from durable_analytics.version import __version__

__all__ = [
    "AnalyticsClient",
    "AnalyticsError",
    "DeliveryError",
    "DeliveryHandle",
    "FieldProblem",
    "Internal",
    "Interrupted",
    "NotAccepted",
    "Policies",
    "RateLimited",
    "Rejected",
    "RequestPolicy",
    "RetryPolicy",
    "SettingsError",
    "Unauthorized",
    "Unavailable",
    "UnknownIntegration",
    "UnsupportedMethod",
    "ValidationError",
    "__version__",
]
