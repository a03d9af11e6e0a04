"""The base of Segment, journy.io and RudderStack: Segment's message format and write key.

Source: Segment's HTTP Tracking API and its specification; RudderStack and journy.io follow them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from pydantic.alias_generators import to_camel

from durable_analytics.errors import DeliveryError, Rejected, ValidationError
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._combined_fields import replaced_values
from durable_analytics.providers._deliveries import BatchDelivery, BatchLimits, Delivery, PlainItems
from durable_analytics.providers._person_ids import single_new_id
from durable_analytics.providers.http import HttpRequest, HttpResponse, JsonItems
from durable_analytics.providers.request_options import credentials_among
from durable_analytics.providers.setting_types import Credential
from durable_analytics.wire.messages import CONTEXT_OBJECT_KEYS, Context, JsonObject, Message
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.timestamps import write_timestamp

_CONTEXT_KEYS = {name: to_camel(name) for name in Context.model_fields}

_FIELD_KEYS = {
    key: {name: to_camel(name) for name in method.message.model_fields}
    for key, method in METHODS.items()
}

_OBJECT_KEYS = {
    to_camel(object_): {name: to_camel(name) for name in names}
    for object_, names in CONTEXT_OBJECT_KEYS.items()
}
"""The keys of the specification inside context objects; other keys stay unchanged."""

_KEYS_IN_CONTEXT = {"channel": "channel", "company_id": "groupId", "traits": "traits"}
"""The keys in the context for fields that Segment's messages do not have."""

_COMMON = ("message_id", "timestamp", "user_id", "anonymous_id", "integrations")


@dataclass(frozen=True, slots=True)
class MessageFormat:
    """The format of the messages of one method: their type, and the key of each field."""

    type: str
    keys: Mapping[str, str]

    @classmethod
    def of(cls, type_: str, *fields: str, **renamed: str) -> "MessageFormat":
        """Return a format with the common fields and these fields.

        Args:
            type_: Segment's name of the type.
            fields: Fields with their own names in camelCase.
            renamed: Fields with another name.
        """
        return cls(type_, {name: to_camel(name) for name in (*_COMMON, *fields)} | renamed)

    def having(self, field: str) -> "MessageFormat":
        """Return a format with an additional field."""
        return replace(self, keys={**self.keys, field: to_camel(field)})


class SegmentCompatible(Provider):
    """A provider that accepts Segment's messages."""

    credential_names: ClassVar = frozenset({"writekey", "write_key"})
    formats: ClassVar[Mapping[str, MessageFormat]] = {
        "identify": MessageFormat.of("identify", "traits"),
        "track": MessageFormat.of("track", "event", "properties"),
        "group": MessageFormat.of("group", "group_id", "traits"),
        "alias": MessageFormat.of("alias", previous_user_id="previousId", new_user_id="userId"),
        "page": MessageFormat.of("page", "name", "category", "properties"),
        "screen": MessageFormat.of("screen", "name", "category", "properties"),
    }
    """The formats of messages, by method."""

    timestamped_methods: ClassVar = frozenset(formats)
    message_id_fields: ClassVar = dict.fromkeys(formats, "messageId")
    batch_limits: ClassVar = {"batch": BatchLimits(body_bytes=500 * 1000, messages=2500)}
    """500 KB and 2500 messages (Segment's HTTP Tracking API; all SDKs use these limits)."""

    write_key: Credential
    """The write key of the source."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add Basic authentication with the write key as the user name and no password."""
        del delivery_id, sent_at
        return request.with_basic_auth(self.write_key.get_secret_value())

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response; `{"success": false}` is a refusal, even with the status 200."""
        failure = self.classify_status(response.status_code)
        is_refused = isinstance(response.body, dict) and response.body.get("success") is False
        if failure is None and is_refused:
            return Rejected(f"{self.title} answered {response.status_code} with success false")
        return failure

    @builds("identify", "track", "group", "alias", "page", "screen")
    def message(self, delivery: Delivery[Message]) -> HttpRequest:
        """Build a request with one message, to the endpoint of its type."""
        item = self.item(delivery)
        if "sentAt" in item:  # an unknown key of the message
            delivery.left_out.add("sentAt")
        url = f"{self.base_url}/v1/{item.pop('type')}"
        return HttpRequest("POST", url, {**item, "sentAt": write_timestamp(delivery.sent_at)})

    def batch_key(self, method: str, message: Message) -> str | None:
        """Return the key of the one endpoint for batches, which accepts all of Segment's types."""
        del message
        return "batch" if method in self.formats else None

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """Build a request with many messages, each with its type and its context."""
        body = JsonItems(batch.items, "batch", {"sentAt": write_timestamp(batch.sent_at)})
        return HttpRequest("POST", self.batch_url(), body)

    def batch_url(self) -> str:
        """Return the URL for batches."""
        return f"{self.base_url}/v1/batch"

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """Return the message in Segment's format, without the envelope of a request."""
        message = delivery.message
        values = message.__dict__
        fields = {name: values[name] for name in message.__pydantic_fields_set__}
        context = _plain_context(delivery.context, delivery.strict)
        delivery.left_out.update(
            self._replaced(delivery.method, fields, delivery.unchecked, context)
        )
        return self._make_item(delivery.method, fields, delivery.unchecked, {**context})

    def plain_items(self) -> PlainItems | None:
        """Return how to build items without models, unless a subclass builds them differently."""
        for name in ("item", "batch_key", "refuse_timestamp"):
            if getattr(type(self), name) is not getattr(SegmentCompatible, name):
                return None
        methods = {method for method in self.formats if self.has(method)}
        return PlainItems(
            "batch",
            methods & self.timestamped_methods,
            _plain_context,
            self._plain_item,
            only_moves=type(self).fill_in is Provider.fill_in,
        )

    def _plain_item(
        self, method: str, fields: JsonObject, unchecked: JsonObject, context: JsonObject
    ) -> JsonObject | None:
        """Return the item of a message; None if a field has the key of another field."""
        if next(self._replaced(method, fields, unchecked, context), None):
            return None
        return self._make_item(method, fields, unchecked, context)

    def _replaced(
        self, method: str, fields: JsonObject, unchecked: JsonObject, context: JsonObject
    ) -> Iterator[str]:
        """Yield the fields whose keys have the value of another field in the item."""
        format_ = self.formats[method]
        has_moved = not fields.keys() <= format_.keys.keys()
        if has_moved and context:
            for name, key in _KEYS_IN_CONTEXT.items():
                if name in fields and name not in format_.keys:
                    for path in replaced_values(key, fields[name], context.get(key)):
                        yield f"context.{path}"
        if unchecked:
            taken = {key: fields[name] for name, key in format_.keys.items() if name in fields}
            taken |= {"context": context} if has_moved or context else {}
            for name, value in unchecked.items():
                key = _FIELD_KEYS[method].get(name, name)
                is_other_type = key == "type" and value not in (method, format_.type)
                if is_other_type or taken.get(key, value) != value:
                    yield name

    def _make_item(
        self, method: str, fields: JsonObject, unchecked: JsonObject, context: JsonObject
    ) -> JsonObject:
        if method == "alias":
            single_new_id(fields["new_user_id"], self.title)
        format_ = self.formats[method]
        item = self._unchecked_fields(method, unchecked) if unchecked else {}
        item["type"] = format_.type
        for name, key in format_.keys.items():
            if name in fields:
                item[key] = fields[name]
        if not fields.keys() <= format_.keys.keys():
            moved = {name: value for name, value in fields.items() if name not in format_.keys}
            context = _with_moved(context, moved)
        if context:
            item["context"] = context
        return item

    def _unchecked_fields(self, method: str, unchecked: JsonObject) -> JsonObject:
        """Return the unchecked fields of a message; known keys are in camelCase."""
        if problems := credentials_among(method, unchecked, self.credential_names):
            raise ValidationError.of(problems)
        return _rename_keys(unchecked, _FIELD_KEYS[method])


def _plain_context(context: JsonObject, strict: bool) -> JsonObject:
    return _rename_context_keys(context) if strict else context


def _with_moved(context: JsonObject, moved: JsonObject) -> JsonObject:
    """Return a context with the fields of a message that Segment has in the context."""
    added = {key: moved[name] for name, key in _KEYS_IN_CONTEXT.items() if name in moved}
    if "traits" in added:
        added["traits"] = {**_object(context.get("traits")), **added["traits"]}
    return {**context, **added}


def _rename_keys(fields: JsonObject, names: Mapping[str, str]) -> JsonObject:
    """Rename these keys; other keys stay unchanged."""
    return {names.get(name, name): value for name, value in fields.items()}


def _rename_context_keys(context: JsonObject) -> JsonObject:
    renamed = _rename_keys(context, _CONTEXT_KEYS)
    for name in _OBJECT_KEYS.keys() & renamed.keys():
        if isinstance(value := renamed[name], dict):
            renamed[name] = _rename_keys(value, _OBJECT_KEYS[name])
    return renamed


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}
