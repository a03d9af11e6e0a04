"""Segment: the HTTP Tracking API, and deletions with the Public API."""

from datetime import datetime
from typing import ClassVar, Literal

from durable_analytics.providers._base import builds
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers.http import HttpRequest
from durable_analytics.providers.segment_compatible import SegmentCompatible
from durable_analytics.providers.setting_types import BaseUrl, Credential
from durable_analytics.wire.messages import Delete

_PUBLIC_API = "public_api"


class Segment(SegmentCompatible):
    """A source at Segment."""

    title: ClassVar = "Segment"
    destination_names: ClassVar = ("Segment.io",)
    credential_sets: ClassVar = ("", _PUBLIC_API)
    separate_credentials: ClassVar = frozenset({_PUBLIC_API})
    credential_settings: ClassVar = {"delete": "public_api_token"}

    # The wrong region responds with 200 and loses the events.
    regions: ClassVar = {
        "us": {
            "base_url": "https://api.segment.io",
            "public_api_url": "https://api.segmentapis.com",
        },
        "eu": {
            "base_url": "https://events.eu1.segmentapis.com",
            "public_api_url": "https://eu1.api.segmentapis.com",
        },
    }

    message_limit_bytes: ClassVar = 32 * 1024
    """32 KB a message (HTTP Tracking API)."""

    region: Literal["us", "eu"] = "us"
    """The region of the workspace."""

    base_url: BaseUrl
    """The URL of the Tracking API. Default: that of the region."""

    public_api_url: BaseUrl
    """The URL of the Public API, for deletions. Default: that of the region."""

    public_api_token: Credential | None = None
    """A Public API token, which deletions need instead of the write key."""

    regulation_type: Literal[
        "DELETE_INTERNAL",
        "DELETE_ONLY",
        "SUPPRESS_ONLY",
        "SUPPRESS_WITH_DELETE",
        "SUPPRESS_WITH_DELETE_INTERNAL",
        "UNSUPPRESS",
    ] = "SUPPRESS_WITH_DELETE"
    """The type of regulation that a deletion creates."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the token of the Public API, or the write key."""
        if request.credentials == _PUBLIC_API and self.public_api_token:
            return request.with_bearer_token(self.public_api_token.get_secret_value())
        return super().authorize(request, delivery_id=delivery_id, sent_at=sent_at)

    @builds("delete")
    def delete(self, delivery: Delivery[Delete]) -> HttpRequest:
        """Create a regulation for one user, which Segment executes later."""
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        return HttpRequest(
            "POST",
            f"{self.public_api_url}/regulations",
            {
                "regulationType": self.regulation_type,
                "subjectType": "USER_ID",
                "subjectIds": [delivery.message.user_id],
            },
            {"Content-Type": "application/vnd.segment.v1+json"},
            credentials=_PUBLIC_API,
        )
