"""RudderStack, which accepts Segment's messages at the data plane of a workspace.

Source: RudderStack's HTTP API and its Python SDK.
"""

from typing import ClassVar

from durable_analytics.providers._deliveries import BatchLimits
from durable_analytics.providers.segment_compatible import MessageFormat, SegmentCompatible


class RudderStack(SegmentCompatible):
    """A source at RudderStack. `base_url` is the data plane of the workspace; it has no default."""

    title: ClassVar = "RudderStack"

    message_limit_bytes: ClassVar = 32 * 1024
    """32 KB a message (RudderStack HTTP API)."""

    formats: ClassVar = {
        **{key: format_.having("channel") for key, format_ in SegmentCompatible.formats.items()},
        "identify": MessageFormat.of("identify", "channel"),
    }
    """RudderStack has `channel` in all messages. The traits of a person are sent in the context, as
    RudderStack's SDKs do."""

    batch_limits: ClassVar = {"batch": BatchLimits(body_bytes=4000 * 1000, messages=2500)}
    """4000 KB a batch (RudderStack HTTP API)."""
