"""Trak.io: people, events, annotations and companies, each at an endpoint of its own.

Source: Trak.io's REST API and its Elixir client Pathway. An error may hide in a 200's body.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from durable_analytics.errors import DeliveryError, Rejected, ValidationError
from durable_analytics.messages import (
    Alias,
    Annotate,
    Group,
    Identify,
    JsonObject,
    Page,
    PersonMessage,
    Track,
)
from durable_analytics.providers.base import BaseUrl, Credential, Provider
from durable_analytics.providers.exchange import Answer, Delivery, HttpRequest


class Trakio(Provider):
    """A project at Trak.io."""

    title: ClassVar = "Trak.io"
    credential_names: ClassVar = frozenset({"token", "x-token", "x-trakio-token"})
    dated_methods: ClassVar = frozenset({"track", "page"})

    base_url: BaseUrl = "https://api.trak.io/v1"

    token: Credential
    """The project's API token."""

    def authorization(self, method: str) -> Mapping[str, str]:
        """A header of its own."""
        del method
        return {"X-Trakio-Token": self.token.get_secret_value()}

    def read(self, answer: Answer) -> DeliveryError | None:
        """The body's status counts: with `force_200` the code says nothing."""
        failure = self.verdict(answer.status_code)
        body = answer.body
        if failure or not isinstance(body, dict) or body.get("status") != "error":
            return failure
        code = body.get("code")
        if isinstance(code, int) and not 200 <= code < 300:
            return self.verdict(code, "an error in the body of a 2xx")
        return Rejected(f"{self.title} answered {answer.status_code} with an error in the body")

    def identify(self, delivery: Delivery[Identify], sent_at: datetime) -> HttpRequest:
        """Traits are properties there."""
        del sent_at
        self.no_place_for(delivery, "integrations")
        self.no_context(delivery)
        properties = delivery.message.traits or {}
        return self._post("identify", {"distinct_id": self._id(delivery), "properties": properties})

    def alias(self, delivery: Delivery[Alias], sent_at: datetime) -> HttpRequest:
        """The new id or ids become aliases of the previous one."""
        del sent_at
        self.no_place_for(delivery, "traits", "integrations")
        self.no_context(delivery)
        ids = delivery.message
        return self._post("alias", {"distinct_id": ids.previous_user_id, "alias": ids.new_user_id})

    def track(self, delivery: Delivery[Track], sent_at: datetime) -> HttpRequest:
        """An event, with the channel and the company that it happened in."""
        del sent_at
        self.no_place_for(delivery, "traits", "integrations")
        return self._event(
            delivery,
            delivery.message.event,
            delivery.given("channel", "company_id", "properties"),
        )

    def page(self, delivery: Delivery[Page], sent_at: datetime) -> HttpRequest:
        """An event called "Page view": there is no endpoint for pages."""
        del sent_at
        self.no_place_for(delivery, "integrations")
        properties = dict(delivery.message.properties or {})
        for name, value in delivery.given("name", "category").items():
            if properties.setdefault(name, value) != value:
                raise ValidationError.at(
                    f"page.properties.{name}", f"differs from page.{name}, which takes its place"
                )
        return self._event(delivery, "Page view", {"properties": properties})

    def annotate(self, delivery: Delivery[Annotate], sent_at: datetime) -> HttpRequest:
        """An event that is nobody's."""
        del sent_at
        self.no_place_for(delivery, "integrations")
        self.no_context(delivery)
        return self._post("annotate", delivery.given("event", "properties", "channel"))

    def group(self, delivery: Delivery[Group], sent_at: datetime) -> HttpRequest:
        """A company, and the person as one of its people."""
        del sent_at
        self.no_place_for(delivery, "integrations")
        self.no_context(delivery)
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
        """One id: Trak.io keeps several apart until they are aliased."""
        person = delivery.message
        if person.user_id and person.anonymous_id:
            raise ValidationError.at(
                f"{delivery.method}.anonymous_id",
                f"has no place at {self.title} beside user_id: leave it out, or send an alias",
            )
        return person.user_id or person.anonymous_id or ""

    def _post(self, endpoint: str, data: JsonObject) -> HttpRequest:
        return HttpRequest("POST", f"{self.base_url}/{endpoint}", {"data": data})
