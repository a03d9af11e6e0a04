"""journy.io, which accepts Segment's messages at one endpoint, with a few differences.

Source: journy.io's page on the Node.js SDK. A page with a name is recorded as a screen, one
without as a page; null deletes a trait; a group without a person has the id of the group as the
anonymous id.
"""

from typing import ClassVar

from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers.http import HttpRequest
from durable_analytics.providers.segment_compatible import MessageFormat, SegmentCompatible
from durable_analytics.providers.setting_types import BaseUrl
from durable_analytics.wire.field_types import is_filled, is_number
from durable_analytics.wire.messages import JsonObject, Message
from durable_analytics.wire.timestamps import write_timestamp


class Journy(SegmentCompatible):
    """An SDK connector at journy.io."""

    title: ClassVar = "journy.io"

    base_url: BaseUrl = "https://analyze.journy.io"
    """Set your own domain if you use journy.io's proxy."""

    def fill_in(self, method: str, message: JsonObject) -> JsonObject:
        """Set the id of a group without a person as the anonymous id.

        A person's id that is set, even to something wrong, is checked as it is in any message.
        """
        names_nobody = all(message.get(name) is None for name in ("user_id", "anonymous_id"))
        group_id = message.get("group_id")
        if method == "group" and names_nobody and (is_filled(group_id) or is_number(group_id)):
            return {"anonymous_id": group_id}
        return {}

    formats: ClassVar = {
        **SegmentCompatible.formats,
        "screen": MessageFormat.of("page", "name", "category", "properties"),
    }
    """The formats of messages, by method; at journy.io, a screen is a page with a name."""

    def message(self, delivery: Delivery[Message]) -> HttpRequest:
        """Build a batch of one message: journy.io documents no other endpoint."""
        body = {"batch": [self.item(delivery)], "sentAt": write_timestamp(delivery.sent_at)}
        return HttpRequest("POST", self.batch_url(), body)

    def batch_url(self) -> str:
        """Return the URL that the Segment SDKs wrapped by journy.io use."""
        return f"{self.base_url}/backend/v1/batch"
