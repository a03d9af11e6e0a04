"""RudderStack: Segment's messages at the workspace's own data plane.

Source: RudderStack's HTTP API and its Python SDK.
"""

from datetime import datetime
from typing import ClassVar

from durable_analytics.messages import Identify
from durable_analytics.providers.exchange import Delivery, HttpRequest
from durable_analytics.providers.segment_compatible import SegmentCompatible


class RudderStack(SegmentCompatible):
    """A source at RudderStack. `base_url` is the workspace's data plane, and has no default."""

    title: ClassVar = "RudderStack"

    message_limit_bytes: ClassVar = 32 * 1024
    """32 KB a message (RudderStack HTTP API)."""

    def identify(self, delivery: Delivery[Identify], sent_at: datetime) -> HttpRequest:
        """A person's traits go into the context, as RudderStack's SDKs send them."""
        return self.send("identify", delivery, sent_at, {})
