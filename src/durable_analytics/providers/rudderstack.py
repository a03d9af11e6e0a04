"""RudderStack: Segment's messages at the workspace's own data plane.

Source: RudderStack's HTTP API and its Python SDK.
"""

from typing import ClassVar

from durable_analytics.providers.exchange import BatchLimits
from durable_analytics.providers.segment_compatible import Form, SegmentCompatible


class RudderStack(SegmentCompatible):
    """A source at RudderStack. `base_url` is the workspace's data plane, and has no default."""

    title: ClassVar = "RudderStack"

    message_limit_bytes: ClassVar = 32 * 1024
    """32 KB a message (RudderStack HTTP API)."""

    forms: ClassVar = {**SegmentCompatible.forms, "identify": Form.of("identify")}
    """A person's traits go into the context, as RudderStack's SDKs send them."""

    batch_limits: ClassVar = BatchLimits(body_bytes=4000 * 1000, messages=2500)
    """4000 KB a batch (RudderStack HTTP API)."""
