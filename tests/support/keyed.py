"""A made-up provider with its key in the body: JSON events in batches, and forms."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from durable_analytics.errors import (
    DeliveryError,
    RateLimited,
    Rejected,
    Unauthorized,
    ValidationError,
)
from durable_analytics.providers import (
    BatchDelivery,
    BatchLimits,
    Credential,
    Delivery,
    Form,
    HttpRequest,
    HttpResponse,
    JsonItems,
    Provider,
    builds,
)
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.messages import Call, Identify, JsonObject, Message, Page, Track


class Keyed(Provider):
    """An account."""

    title: ClassVar = "Keyed"
    timestamped_methods: ClassVar = frozenset({"track", "page"})
    message_id_fields: ClassVar = dict.fromkeys(("track", "page", "identify"), "id")
    credential_names: ClassVar = frozenset({"api_key"})
    batch_limits: ClassVar = {"events": BatchLimits(body_bytes=100_000, messages=20)}

    api_key: Credential

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the key to the body, a form's or an object's."""
        del delivery_id, sent_at
        return request.with_fields({"api_key": self.api_key.get_secret_value()})

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """400 is the answer to a wrong key, too."""
        if response.status_code == 400 and _object(response.body).get("error") == "invalid api_key":
            return Unauthorized(f"{self.title} answered 400: invalid api_key")
        return self.classify_status(response.status_code)

    def classify_batch(
        self, response: HttpResponse, count: int
    ) -> DeliveryError | Mapping[int, DeliveryError]:
        """400 and 429 list the events that are refused or throttled; the others are taken."""
        failures: dict[int, DeliveryError] = {}
        body = _object(response.body)
        if response.status_code in (400, 429):
            for row in map(_object, _list(body.get("failed"))):
                if row.get("index") in range(count):
                    reason = f"{self.title} refused the event: {row.get('reason')}"
                    failures[row["index"]] = Rejected(reason)
            for index in _list(body.get("throttled")):
                if index in range(count):
                    failures[index] = RateLimited(f"{self.title} throttled the event")
        if failures:
            return failures
        return super().classify_batch(response, count)

    @builds("track", "page")
    def event(self, delivery: Delivery[Track | Page]) -> HttpRequest:
        """A list of one event."""
        return self._events([write_json(self.item(delivery))])

    @builds("identify")
    def identify(self, delivery: Delivery[Identify]) -> HttpRequest:
        """A form, with JSON in it."""
        self.refuse_fields(delivery, "anonymous_id")
        self.refuse_context(delivery)
        user = delivery.message
        if user.user_id is None:
            raise ValidationError.at("identify.user_id", f"is required at {self.title}")
        form = {"id": user.message_id or "", "user": user.user_id}
        if user.traits is not None:
            form["traits"] = write_json(user.traits).decode()
        return HttpRequest("POST", f"{self.base_url}/identify", Form(form))

    def call(self, delivery: Delivery[Call]) -> HttpRequest:
        """The body is an object: it carries the key."""
        if not isinstance(delivery.message.body, (dict, type(None))):
            raise ValidationError.at("call.body", f"must be an object at {self.title}")
        return super().call(delivery)

    def batch_key(self, method: str, message: Message) -> str | None:
        """A form holds one user."""
        del message
        return "events" if method in ("track", "page") else None

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """An event; the properties are keys of it."""
        self.refuse_fields(
            delivery, "anonymous_id", "traits", "channel", "company_id", "category", "integrations"
        )
        self.refuse_context(delivery)
        given = delivery.given("event", "name", "properties", "user_id")
        item = dict(given.pop("properties", None) or {})
        time = datetime.fromisoformat(delivery.message.timestamp or "")
        item |= {"id": delivery.message.message_id, "time": round(time.timestamp() * 1000)}
        name = given.pop("event", None)
        return item | given | ({} if name is None else {"name": name})

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """A list of events."""
        return self._events([*batch.items])

    def _events(self, items: list[bytes]) -> HttpRequest:
        return HttpRequest("POST", f"{self.base_url}/events", JsonItems(items, "events"))


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
