"""journy.io: Segment's messages at an endpoint of its own, with a few meanings of its own.

Source: journy.io's page on the Node.js SDK. A page with a name is recorded as a screen, one
without as a page; null deletes a trait; a group alone has its own id as the anonymous id.
"""

from datetime import datetime
from typing import ClassVar

from durable_analytics.messages import JsonObject, Message, instant
from durable_analytics.providers.base import BaseUrl
from durable_analytics.providers.exchange import Delivery, HttpRequest
from durable_analytics.providers.segment_compatible import Form, SegmentCompatible


class Journy(SegmentCompatible):
    """An SDK connector at journy.io."""

    title: ClassVar = "journy.io"

    base_url: BaseUrl = "https://analyze.journy.io"
    """Your own domain where journy.io's proxy is in use."""

    def fill_in(self, method: str, message: JsonObject) -> JsonObject:
        """A group alone is told by the same id twice."""
        alone = not any(message.get(name) for name in ("user_id", "anonymous_id"))
        if method == "group" and alone and isinstance(message.get("group_id"), str):
            return {"anonymous_id": message["group_id"]}
        return {}

    forms: ClassVar = {
        **SegmentCompatible.forms,
        "screen": Form.of("page", "name", "category", "properties"),
    }
    """A screen is a page with a name."""

    def message(self, delivery: Delivery[Message], sent_at: datetime) -> HttpRequest:
        """A batch of one: journy.io documents no other endpoint."""
        body = {"batch": [self.item(delivery)], "sentAt": instant(sent_at)}
        return HttpRequest("POST", self.batch_url(), body)

    def batch_url(self) -> str:
        """As the Segment SDKs have it that journy.io wraps."""
        return f"{self.base_url}/backend/v1/batch"
