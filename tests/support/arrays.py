"""A made-up provider with JSON arrays at two endpoints, each with credentials of its own."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from durable_analytics.errors import DeliveryError, Rejected
from durable_analytics.providers import (
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
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.messages import JsonObject, Message

_ENDPOINTS = {"track": "events", "identify": "profiles"}


class Arrays(Provider):
    """A project: `/events` by HTTP Basic, `/profiles` by the token in each item."""

    title: ClassVar = "Arrays"
    timestamped_methods: ClassVar = frozenset({"track"})
    message_id_fields: ClassVar = dict.fromkeys(_ENDPOINTS, "$id")
    credential_names: ClassVar = frozenset({"$token"})
    credential_sets: ClassVar = ("", "profiles")
    batch_limits: ClassVar = {
        "events": BatchLimits(body_bytes=50_000, messages=100),
        "profiles": BatchLimits(body_bytes=20_000, messages=10),
    }

    project: str
    account: Credential
    password: Credential
    token: Credential

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """As the endpoint asks for."""
        del delivery_id, sent_at
        if request.credentials == "profiles":
            return request.with_item_fields({"$token": self.token.get_secret_value()})
        user = f"{self.account.get_secret_value()}:{self.password.get_secret_value()}"
        basic = base64.b64encode(user.encode()).decode()
        return request.with_headers({"Authorization": f"Basic {basic}"})

    def classify_batch(
        self, response: HttpResponse, count: int
    ) -> DeliveryError | Mapping[int, DeliveryError]:
        """207 lists the items that are refused; the others are taken."""
        body = response.body
        errors = body.get("errors") if isinstance(body, dict) else None
        if response.status_code == 207 and isinstance(errors, list):
            return {
                row["input_index"]: Rejected(f"{self.title} refused the item: {row.get('message')}")
                for row in errors
                if isinstance(row, dict) and row.get("input_index") in range(count)
            }
        return super().classify_batch(response, count)

    @builds(*_ENDPOINTS)
    def one(self, delivery: Delivery[Message]) -> HttpRequest:
        """An array of one."""
        return self._array(_ENDPOINTS[delivery.method], [write_json(self.item(delivery))])

    def batch_key(self, method: str, message: Message) -> str | None:
        """The endpoint."""
        del message
        return _ENDPOINTS.get(method)

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """Traits and properties are the properties of an item."""
        self.refuse_fields(delivery, "channel", "company_id")
        self.refuse_context(delivery)
        if delivery.method == "track":
            self.refuse_fields(delivery, "traits")
        given = delivery.given("user_id", "anonymous_id", "event", "properties", "traits")
        own = given.pop("properties", None) or given.pop("traits", None) or {}
        item = {"user": given.pop("user_id", None), **given}
        if delivery.method == "track":
            item["time"] = delivery.message.timestamp
        return item | {"properties": {**own, "$id": delivery.message.message_id}}

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """An array of the messages of one endpoint."""
        return self._array(batch.key, [*batch.items])

    def _array(self, endpoint: str, items: list[bytes]) -> HttpRequest:
        return HttpRequest(
            "POST",
            f"{self.base_url}/{endpoint}",
            JsonItems(items),
            query={"project": self.project},
            credentials="profiles" if endpoint == "profiles" else "",
        )
