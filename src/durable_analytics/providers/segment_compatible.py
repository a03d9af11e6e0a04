"""What Segment, journy.io and RudderStack share: Segment's message format and its key.

Source: Segment's HTTP Tracking API and its specification; RudderStack and journy.io follow them.
"""

import base64
from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any, ClassVar

from pydantic.alias_generators import to_camel

from durable_analytics.errors import DeliveryError, Rejected, ValidationError
from durable_analytics.messages import (
    Alias,
    Context,
    Group,
    Identify,
    JsonObject,
    Message,
    Page,
    Screen,
    Track,
    instant,
)
from durable_analytics.providers.additions import credentials_among
from durable_analytics.providers.base import Credential, Provider
from durable_analytics.providers.exchange import Answer, Delivery, HttpRequest

_CAMEL_CONTEXT = {
    "device": ("ad_tracking_enabled", "advertising_id"),
    "screen": ("inner_height", "inner_width"),
    "user_agent_data": ("full_version_list", "platform_version", "ua_full_version"),
}
"""The keys of the specification inside context objects; any other key there is the caller's."""


class SegmentCompatible(Provider):
    """A provider that takes Segment's messages, one a request."""

    credential_names: ClassVar = frozenset({"writekey", "write_key"})
    dated_methods: ClassVar = frozenset({"identify", "track", "group", "alias", "page", "screen"})

    write_key: Credential
    """The source's key."""

    def authorization(self, method: str) -> Mapping[str, str]:
        """Basic, the key as the user name and no password."""
        del method
        user = f"{self.write_key.get_secret_value()}:".encode()
        return {"Authorization": f"Basic {base64.b64encode(user).decode()}"}

    def read(self, answer: Answer) -> DeliveryError | None:
        """`{"success": false}` is a refusal, whatever the status says."""
        failure = self.verdict(answer.status_code)
        refused = isinstance(answer.body, dict) and answer.body.get("success") is False
        if failure is None and refused:
            return Rejected(f"{self.title} answered {answer.status_code} with success false")
        return failure

    def identify(self, delivery: Delivery[Identify], sent_at: datetime) -> HttpRequest:
        """Traits at the top."""
        return self.send("identify", delivery, sent_at, delivery.given("traits"))

    def track(self, delivery: Delivery[Track], sent_at: datetime) -> HttpRequest:
        """An event and its properties."""
        return self.send("track", delivery, sent_at, delivery.given("event", "properties"))

    def group(self, delivery: Delivery[Group], sent_at: datetime) -> HttpRequest:
        """The traits are the group's."""
        return self.send("group", delivery, sent_at, delivery.given("group_id", "traits"))

    def alias(self, delivery: Delivery[Alias], sent_at: datetime) -> HttpRequest:
        """Two ids, one of each."""
        ids = delivery.message
        if not isinstance(ids.new_user_id, str):
            raise ValidationError.at("alias.new_user_id", f"must be one id at {self.title}")
        fields = {"previous_id": ids.previous_user_id, "user_id": ids.new_user_id}
        return self.send("alias", delivery, sent_at, fields)

    def page(self, delivery: Delivery[Page], sent_at: datetime) -> HttpRequest:
        """A page without a name stays without."""
        fields = delivery.given("name", "category", "properties")
        return self.send("page", delivery, sent_at, fields)

    def screen(self, delivery: Delivery[Screen], sent_at: datetime) -> HttpRequest:
        """As a page, in an app."""
        fields = delivery.given("name", "category", "properties")
        return self.send("screen", delivery, sent_at, fields)

    def send(
        self, type_: str, delivery: Delivery[Message], sent_at: datetime, fields: JsonObject
    ) -> HttpRequest:
        """The request for a message of Segment's type `type_`."""
        body = {**self.item(delivery, fields), "sentAt": instant(sent_at)}
        return HttpRequest("POST", f"{self.base_url}/v1/{type_}", body)

    def item(self, delivery: Delivery[Message], fields: JsonObject) -> JsonObject:
        """The message in Segment's words, without the envelope of a request."""
        if problems := credentials_among(
            delivery.method, delivery.unchecked, self.credential_names
        ):
            raise ValidationError.of(problems)
        common = delivery.given(
            "message_id", "timestamp", "user_id", "anonymous_id", "integrations"
        )
        known = type(delivery.message).model_fields
        item = _in_camel_case(delivery.unchecked, known)
        item |= {to_camel(name): value for name, value in {**common, **fields}.items()}
        if context := self.context(delivery, moved="traits" not in fields):
            item["context"] = context
        return item

    def context(self, delivery: Delivery[Message], *, moved: bool) -> JsonObject:
        """The context, with those fields of the message that have their place in it.

        Args:
            delivery: The message.
            moved: Whether its traits belong here.
        """
        context = _in_camel_case(delivery.context, Context.model_fields)
        for name, known in _CAMEL_CONTEXT.items():
            if isinstance(value := context.get(to_camel(name)), dict):
                context[to_camel(name)] = _in_camel_case(value, known)
        # SDKs put the context into the message; it is nearer than the input's.
        context |= _object(delivery.unchecked.get("context"))
        places = {
            "channel": "channel",
            "company_id": "groupId",
            **({"traits": "traits"} if moved else {}),
        }
        for name, value in delivery.given(*places).items():
            if value is None:
                context.setdefault(places[name], None)
            elif name == "traits":
                context["traits"] = {**_object(context.get("traits")), **value}
            else:
                context[places[name]] = value
        return context


def _in_camel_case(fields: JsonObject, known: Container[str]) -> JsonObject:
    """Rename what the specification knows; any other key stays as the caller wrote it."""
    return {to_camel(n) if n in known else n: value for n, value in fields.items()}


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}
