"""Segment: the HTTP Tracking API, and deletion by the Public API's regulations."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from durable_analytics.errors import UnsupportedMethod
from durable_analytics.messages import Delete
from durable_analytics.providers.base import BaseUrl, Credential
from durable_analytics.providers.exchange import Delivery, HttpRequest
from durable_analytics.providers.segment_compatible import SegmentCompatible

_REGIONS = {
    "us": ("https://api.segment.io", "https://api.segmentapis.com"),
    "eu": ("https://events.eu1.segmentapis.com", "https://eu1.api.segmentapis.com"),
}
"""Tracking API and Public API. The wrong region answers 200, and the events vanish."""


class Segment(SegmentCompatible):
    """A source at Segment."""

    title: ClassVar = "Segment"

    message_limit_bytes: ClassVar = 32 * 1024
    """32 KB a message (HTTP Tracking API)."""

    region: Literal["us", "eu"] = "us"
    """Where the workspace lives."""

    base_url: BaseUrl
    """The Tracking API. The region's when absent."""

    public_api_url: BaseUrl
    """The Public API, for deletions. The region's when absent."""

    public_api_token: Credential | None = None
    """A Public API token, which deletions need: the write key does not open them."""

    regulation_type: Literal[
        "DELETE_INTERNAL",
        "DELETE_ONLY",
        "SUPPRESS_ONLY",
        "SUPPRESS_WITH_DELETE",
        "SUPPRESS_WITH_DELETE_INTERNAL",
        "UNSUPPRESS",
    ] = "SUPPRESS_WITH_DELETE"
    """What a deletion does there."""

    @model_validator(mode="before")
    @classmethod
    def _addresses_of_the_region(cls, settings: Any) -> Any:
        if not isinstance(settings, dict):
            return settings
        # A wrong region is told as such, not as missing addresses.
        tracking, public = _REGIONS.get(str(settings.get("region")), _REGIONS["us"])
        return {"base_url": tracking, "public_api_url": public, **settings}

    def methods(self) -> list[str]:
        """All but delete where its token is not set."""
        return [m for m in super().methods() if m != "delete" or self.public_api_token]

    def require(self, method: str) -> None:
        """Deletion is a matter of settings."""
        try:
            super().require(method)
        except UnsupportedMethod as error:
            if method != "delete":
                raise
            hint = "to delete, set the integration's public_api_token"
            raise UnsupportedMethod(f"{error}; {hint}") from None

    def authorization(self, method: str) -> Mapping[str, str]:
        """The Public API has a token of its own."""
        if method == "delete" and self.public_api_token:
            return {"Authorization": f"Bearer {self.public_api_token.get_secret_value()}"}
        return super().authorization(method)

    def delete(self, delivery: Delivery[Delete], sent_at: datetime) -> HttpRequest:
        """A regulation for one user; Segment carries it out later."""
        del sent_at
        self.no_place_for(delivery, "traits", "integrations")
        self.no_context(delivery)
        return HttpRequest(
            "POST",
            f"{self.public_api_url}/regulations",
            {
                "regulationType": self.regulation_type,
                "subjectType": "USER_ID",
                "subjectIds": [delivery.message.user_id],
            },
            {"Content-Type": "application/vnd.segment.v1+json"},
        )
