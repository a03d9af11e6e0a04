"""What Segment, journy.io and RudderStack share: Segment's message format and its key.

Source: Segment's HTTP Tracking API and its specification; RudderStack and journy.io follow them.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pydantic.alias_generators import to_camel

from durable_analytics.errors import DeliveryError, Rejected, ValidationError
from durable_analytics.messages import Alias, Context, JsonObject, Message, instant
from durable_analytics.providers.additions import credentials_among
from durable_analytics.providers.base import Credential, Provider
from durable_analytics.providers.exchange import Answer, BatchLimits, Delivery, HttpRequest

_CONTEXT_KEYS = {name: to_camel(name) for name in Context.model_fields}

_OBJECT_KEYS = {
    object_: {name: to_camel(name) for name in names}
    for object_, names in {
        "device": ("ad_tracking_enabled", "advertising_id"),
        "screen": ("inner_height", "inner_width"),
        "userAgentData": ("full_version_list", "platform_version", "ua_full_version"),
    }.items()
}
"""The keys of the specification inside context objects; any other key there is the caller's."""

_PLACES_IN_CONTEXT = {"channel": "channel", "company_id": "groupId", "traits": "traits"}
"""Where a message's fields go that have no place in Segment's message itself."""

_COMMON = ("message_id", "timestamp", "user_id", "anonymous_id", "integrations")


@dataclass(frozen=True, slots=True)
class Form:
    """How messages of one method look: their type, and the key of each of their fields."""

    type: str
    places: Mapping[str, str]

    @classmethod
    def of(cls, type_: str, *fields: str, **elsewhere: str) -> "Form":
        """A form with the common fields and these.

        Args:
            type_: Segment's name of the type.
            fields: Of the message, under their own names in camelCase.
            elsewhere: Those under another name.
        """
        return cls(type_, {name: to_camel(name) for name in (*_COMMON, *fields)} | elsewhere)


class SegmentCompatible(Provider):
    """A provider that takes Segment's messages."""

    credential_names: ClassVar = frozenset({"writekey", "write_key"})
    forms: ClassVar[Mapping[str, Form]] = {
        "identify": Form.of("identify", "traits"),
        "track": Form.of("track", "event", "properties"),
        "group": Form.of("group", "group_id", "traits"),
        "alias": Form.of("alias", previous_user_id="previousId", new_user_id="userId"),
        "page": Form.of("page", "name", "category", "properties"),
        "screen": Form.of("screen", "name", "category", "properties"),
    }
    """By method."""

    dated_methods: ClassVar = frozenset(forms)
    batched_methods: ClassVar = frozenset(forms)
    batch_limits: ClassVar = BatchLimits(body_bytes=500 * 1000, messages=2500)
    """500 KB and 2500 messages (Segment's HTTP Tracking API, whose SDKs all cut there)."""

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

    def message(self, delivery: Delivery[Message], sent_at: datetime) -> HttpRequest:
        """One message, at the endpoint of its type."""
        item = self.item(delivery)
        url = f"{self.base_url}/v1/{item.pop('type')}"
        return HttpRequest("POST", url, {**item, "sentAt": instant(sent_at)})

    def _send(self, delivery: Delivery[Message], sent_at: datetime) -> HttpRequest:
        return self.message(delivery, sent_at)

    identify: ClassVar = _send
    track: ClassVar = _send
    group: ClassVar = _send
    alias: ClassVar = _send
    page: ClassVar = _send
    screen: ClassVar = _send

    def batch(self, items: Sequence[bytes], sent_at: datetime) -> HttpRequest:
        """Many messages, each with its type and its context."""
        body = {"sentAt": instant(sent_at)}
        return HttpRequest("POST", self.batch_url(), body, items_key="batch", items=items)

    def batch_url(self) -> str:
        """Where batches go."""
        return f"{self.base_url}/v1/batch"

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """The message in Segment's words, without the envelope of a request."""
        message, form = delivery.message, self.forms[delivery.method]
        if isinstance(message, Alias) and not isinstance(message.new_user_id, str):
            raise ValidationError.at("alias.new_user_id", f"must be one id at {self.title}")
        item = self._let_through(delivery) if delivery.unchecked else {}
        item["type"] = form.type
        given, values = message.__pydantic_fields_set__, message.__dict__
        for name, place in form.places.items():
            if name in given:
                item[place] = values[name]
        if context := self.context(delivery, given - form.places.keys()):
            item["context"] = context
        return item

    def _let_through(self, delivery: Delivery[Message]) -> JsonObject:
        """What is not checked of the message: as it was written, but for keys that are known."""
        unchecked = delivery.unchecked
        if problems := credentials_among(delivery.method, unchecked, self.credential_names):
            raise ValidationError.of(problems)
        known = type(delivery.message).model_fields
        return _in_camel_case(unchecked, {name: to_camel(name) for name in known})

    def context(self, delivery: Delivery[Message], moved: set[str]) -> JsonObject:
        """The context, with those fields of the message that have their place in it.

        Args:
            delivery: The message.
            moved: The fields of the message that have no other place.
        """
        context = _in_camel_case(delivery.context, _CONTEXT_KEYS)
        for name in _OBJECT_KEYS.keys() & context.keys():
            if isinstance(value := context[name], dict):
                context[name] = _in_camel_case(value, _OBJECT_KEYS[name])
        # SDKs put the context into the message; it is nearer than the input's.
        if delivery.unchecked:
            context |= _object(delivery.unchecked.get("context"))
        if not moved:
            return context
        for name, value in delivery.given(*(n for n in _PLACES_IN_CONTEXT if n in moved)).items():
            place = _PLACES_IN_CONTEXT[name]
            if value is None:
                context.setdefault(place, None)
            elif name == "traits":
                context["traits"] = {**_object(context.get("traits")), **value}
            else:
                context[place] = value
        return context


def _in_camel_case(fields: JsonObject, known: Mapping[str, str]) -> JsonObject:
    """Rename what the specification knows; any other key stays as the caller wrote it."""
    return {known.get(name, name): value for name, value in fields.items()}


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}
