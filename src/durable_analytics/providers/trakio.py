"""Trak.io: people, events, annotations and companies, each with its own endpoint.

Source: Trak.io's REST API and its Elixir client Pathway. The body of a 200 may contain an error.
"""

from datetime import datetime
from typing import ClassVar

from durable_analytics.errors import DeliveryError, Rejected
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers.http import HttpRequest, HttpResponse
from durable_analytics.providers.setting_types import BaseUrl, Credential
from durable_analytics.wire.messages import (
    Alias,
    Annotate,
    Group,
    Identify,
    JsonObject,
    Page,
    PersonMessage,
    Track,
)


class Trakio(Provider):
    """A project at Trak.io."""

    title: ClassVar = "Trak.io"
    credential_names: ClassVar = frozenset({"token", "x-token", "x-trakio-token"})
    timestamped_methods: ClassVar = frozenset({"track", "page"})

    base_url: BaseUrl = "https://api.trak.io/v1"

    token: Credential
    """The project's API token."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the header with the token."""
        del delivery_id, sent_at
        return request.with_headers({"X-Trakio-Token": self.token.get_secret_value()})

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify by the status in the body: with `force_200`, the status code is always 200."""
        failure = self.classify_status(response.status_code)
        body = response.body
        if failure or not isinstance(body, dict) or body.get("status") != "error":
            return failure
        code = body.get("code")
        if isinstance(code, int) and not 200 <= code < 300:
            return self.classify_status(code, "an error in the body of a 2xx response")
        return Rejected(f"{self.title} answered {response.status_code} with an error in the body")

    @builds("identify")
    def identify(self, delivery: Delivery[Identify]) -> HttpRequest:
        """Build the request for a person; traits are sent as properties."""
        self.refuse_fields(delivery)
        self.refuse_context(delivery)
        properties = delivery.message.traits or {}
        return self._post("identify", {"distinct_id": self._id(delivery), "properties": properties})

    @builds("alias")
    def alias(self, delivery: Delivery[Alias]) -> HttpRequest:
        """Build the request that adds the new id, or ids, as aliases of the previous id."""
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        ids = delivery.message
        return self._post("alias", {"distinct_id": ids.previous_user_id, "alias": ids.new_user_id})

    @builds("track")
    def track(self, delivery: Delivery[Track]) -> HttpRequest:
        """Build the request for an event, with its channel and its company."""
        self.refuse_fields(delivery, "traits")
        return self._event(
            delivery,
            delivery.message.event,
            delivery.given("channel", "company_id", "properties"),
        )

    @builds("page")
    def page(self, delivery: Delivery[Page]) -> HttpRequest:
        """Build the request for an event "Page view": there is no endpoint for pages."""
        self.refuse_fields(delivery)
        properties = self.merge_fields(delivery, "properties", "name", "category")
        return self._event(delivery, "Page view", {"properties": properties})

    @builds("annotate")
    def annotate(self, delivery: Delivery[Annotate]) -> HttpRequest:
        """Build the request for an event without a person."""
        self.refuse_fields(delivery)
        self.refuse_context(delivery)
        return self._post("annotate", delivery.given("event", "properties", "channel"))

    @builds("group")
    def group(self, delivery: Delivery[Group]) -> HttpRequest:
        """Build the request for a company, with the person as one of its people."""
        self.refuse_fields(delivery)
        self.refuse_context(delivery)
        return self._post(
            "company",
            {
                "company_id": delivery.message.group_id,
                "properties": delivery.message.traits or {},
                "people_distinct_ids": [self._id(delivery)],
            },
        )

    def _event(
        self, delivery: Delivery[PersonMessage], event: str, fields: JsonObject
    ) -> HttpRequest:
        context = {"context": delivery.context} if delivery.context else {}
        data = {
            "distinct_id": self._id(delivery),
            "event": event,
            **fields,
            **context,
            "time": delivery.message.timestamp,
        }
        return self._post("track", data)

    def _id(self, delivery: Delivery[PersonMessage]) -> str:
        """Return the one id of the person; Trak.io needs an alias to accept a second id."""
        user_id, anonymous_id = self.single_id(delivery)
        return user_id or anonymous_id or ""

    def _post(self, endpoint: str, data: JsonObject) -> HttpRequest:
        return HttpRequest("POST", f"{self.base_url}/{endpoint}", {"data": data})
