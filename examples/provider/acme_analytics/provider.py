"""Acme: one request for each user, and batches of events, of which Acme may refuse some."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from urllib.parse import quote

from durable_analytics.errors import DeliveryError, Rejected, ValidationError
from durable_analytics.providers import (
    BaseUrl,
    BatchDelivery,
    BatchLimits,
    Credential,
    Delivery,
    HttpRequest,
    HttpResponse,
    JsonItems,
    Provider,
    builds,
)
from durable_analytics.wire.messages import Identify, JsonObject, Message, Track


class Acme(Provider):
    """An account at Acme."""

    title: ClassVar = "Acme"
    timestamped_methods: ClassVar = frozenset({"track"})
    message_id_fields: ClassVar = {"track": "id"}
    message_limit_bytes: ClassVar = 32_000
    batch_limits: ClassVar = {"events": BatchLimits(body_bytes=500_000, messages=100)}
    credential_names: ClassVar = frozenset({"x-acme-key"})

    base_url: BaseUrl = "https://api.acme.example"
    key: Credential
    """The account's API key."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the header with the API key."""
        del delivery_id, sent_at
        return request.with_headers({"X-Acme-Key": self.key.get_secret_value()})

    @builds("identify")
    def identify(self, delivery: Delivery[Identify]) -> HttpRequest:
        """Build the request that creates or changes a user."""
        self.refuse_fields(delivery, "anonymous_id")
        self.refuse_context(delivery)
        user = delivery.message
        if not user.user_id:
            raise ValidationError.at("identify.user_id", f"is required at {self.title}")
        url = f"{self.base_url}/users/{quote(user.user_id, safe='')}"
        return HttpRequest("PUT", url, user.traits or {})

    @builds("track")
    def track(self, delivery: Delivery[Track]) -> HttpRequest:
        """Build the request with a list of one event."""
        return HttpRequest("POST", f"{self.base_url}/events", {"events": [self.item(delivery)]})

    def batch_key(self, method: str, message: Message) -> str | None:
        """Return the key of the endpoint for events; None for users, which have no batches."""
        del message
        return "events" if method == "track" else None

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """Return the event of a message."""
        self.refuse_fields(delivery, "traits", "channel", "company_id")
        self.refuse_context(delivery)
        given = delivery.given("user_id", "anonymous_id", "event", "properties")
        message = delivery.message
        return {"id": message.message_id, "time": message.timestamp, **given}

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """Return the request for a list of events."""
        return HttpRequest("POST", f"{self.base_url}/events", JsonItems(batch.items, "events"))

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response; a 2xx may list the event as refused."""
        failures = self.classify_batch(response, 1)
        return failures.get(0) if isinstance(failures, Mapping) else failures

    def classify_batch(
        self, response: HttpResponse, count: int
    ) -> DeliveryError | Mapping[int, DeliveryError]:
        """Classify the response; a 2xx lists refused events in `refused`, by `index`."""
        if failure := self.classify_status(response.status_code):
            return failure
        body = response.body
        refused = body.get("refused") if isinstance(body, dict) else None
        return {
            row["index"]: Rejected(f"{self.title} refused the event: {row.get('reason')}")
            for row in (refused if isinstance(refused, list) else [])
            if isinstance(row, dict) and row.get("index") in range(count)
        }
