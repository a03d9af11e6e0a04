"""A stand-in server for the vendors, and checks for providers; needs the extra `testing`."""

from durable_analytics.testing._installed import GROUP, VENDORS
from durable_analytics.testing._received import Received, ReceivedMessage
from durable_analytics.testing._server import StandIn
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.conformance import ProviderConformance

__all__ = [
    "GROUP",
    "VENDORS",
    "ProviderConformance",
    "Received",
    "ReceivedMessage",
    "Reply",
    "StandIn",
    "Vendor",
]
