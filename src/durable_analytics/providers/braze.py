"""Braze: attributes, events and purchases of users, with the endpoint `/users/track`.

Source: Braze's API reference, and Segment's Braze integration where the reference leaves a choice.
Braze cannot recognise repeated events.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from durable_analytics.errors import DeliveryError, FieldProblem, Rejected, ValidationError
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._braze_fields import (
    NAME_LIMIT_CHARACTERS,
    RESERVED_EVENT_PROPERTIES,
    RESERVED_PURCHASE_PROPERTIES,
    Product,
    attribute_problems,
    property_problem,
    purchased_products,
    to_attributes,
)
from durable_analytics.providers._deliveries import BatchDelivery, BatchLimits, Delivery
from durable_analytics.providers._person_ids import single_new_id
from durable_analytics.providers.http import HttpRequest, HttpResponse, JsonItems
from durable_analytics.providers.setting_types import Credential
from durable_analytics.wire.messages import (
    Alias,
    Delete,
    Group,
    Identify,
    JsonObject,
    Message,
    Page,
    Screen,
    Track,
)
from durable_analytics.wire.timestamps import write_timestamp

_MOST_OBJECTS = 75
"""Attributes, events and purchases in one request to `/users/track` (Braze's API reference)."""

_LIMITS = BatchLimits(body_bytes=4 * 1000 * 1000, messages=_MOST_OBJECTS)

_LOCATION = {
    "country": "location.country",
    "latitude": "location.latitude",
    "longitude": "location.longitude",
}
"""The parts of the location of a person, and their paths in the context."""

_ALIAS_LABEL = "anonymous_id"
"""The label of the alias that contains the anonymous id of a person without a user id."""


class Braze(Provider):
    """A workspace at Braze."""

    title: ClassVar = "Braze"
    credential_names: ClassVar = frozenset({"api_key"})
    timestamped_methods: ClassVar = frozenset({"track", "page", "screen"})

    message_limit_bytes: ClassVar = 100 * 1000
    """100 KB of properties for each event (Braze's reference of the event object)."""

    batch_limits: ClassVar = {
        "attributes": _LIMITS,
        "events": _LIMITS,
        "purchases": _LIMITS,
    }
    """By the array of `/users/track`. A request has only one array, so that the index of a refused
    object in Braze's response is the index of the message."""

    api_key: Credential
    """A REST API key with the permissions `users.track`, `users.identify` and `users.delete`."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the API key as a Bearer token."""
        del delivery_id, sent_at
        return request.with_bearer_token(self.api_key.get_secret_value())

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response; a 2xx may list objects that Braze refused."""
        failure = self.classify_status(response.status_code)
        if failure is None and (refused := [*_errors(response)]):
            reasons = "; ".join(dict.fromkeys(reason for _, reason in refused))
            return Rejected(f"{self.title} answered {response.status_code} with errors: {reasons}")
        return failure

    def classify_batch(
        self, response: HttpResponse, count: int
    ) -> DeliveryError | Mapping[int, DeliveryError]:
        """Classify the response; a 2xx lists the indexes of refused objects.

        A 2xx whose errors have no index is a failure of all objects.
        """
        if failure := self.classify_status(response.status_code):
            return failure
        refused = {
            index: Rejected(f"{self.title} refused the message: {reason}")
            for index, reason in _errors(response)
            if type(index) is int and 0 <= index < count
        }
        return refused or self.classify(response) or {}

    @builds("identify", "track", "group", "page", "screen")
    def message(self, delivery: Delivery[Message]) -> HttpRequest:
        """Build the request for attributes, an event, or the purchases of an order."""
        message, array = delivery.message, _array(delivery.message) or "events"
        if array == "purchases" and isinstance(message, Track):
            objects = self._purchases(delivery, purchased_products(message))
        else:
            objects = [self.item(delivery)]
        return HttpRequest("POST", f"{self.base_url}/users/track", {array: objects})

    def batch_key(self, method: str, message: Message) -> str | None:
        """Return the array of a message; None for an order with several products."""
        del method
        has_several_objects = isinstance(message, Track) and len(purchased_products(message)) > 1
        return None if has_several_objects else _array(message)

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """Return the request for up to 75 objects of one array."""
        body = JsonItems(batch.items, batch.key)
        return HttpRequest("POST", f"{self.base_url}/users/track", body)

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """Return the object of a message: attributes, an event or a purchase."""
        if not isinstance(delivery.message, Identify):
            self.refuse_context(delivery)
        match delivery.message:
            case Track() as track if products := purchased_products(track):
                return self._purchases(delivery, products)[0]
            case Identify() as person:
                self.refuse_fields(delivery)
                return {**self._person_id(delivery), **self._attributes(delivery, person)}
            case Group() as person:
                self.refuse_fields(delivery)
                traits = {"group": person.traits} if person.traits else {}
                return {**self._person_id(delivery), "group_id": person.group_id, **traits}
            case Track(event=event):
                return self._event(delivery, event)
            case Page():
                return self._event(delivery, "Page Viewed", "name", "category")
            case Screen():
                return self._event(delivery, "Screen Viewed", "name", "category")
            case _:
                raise NotImplementedError(delivery.method)

    @builds("alias")
    def alias(self, delivery: Delivery[Alias]) -> HttpRequest:
        """Build the request that merges the profile of an anonymous id into that of the new id."""
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        identified = {
            "external_id": single_new_id(delivery.message.new_user_id, self.title),
            "user_alias": _alias_object(delivery.message.previous_user_id),
        }
        body = {"aliases_to_identify": [identified], "merge_behavior": "merge"}
        return HttpRequest("POST", f"{self.base_url}/users/identify", body)

    @builds("delete")
    def delete(self, delivery: Delivery[Delete]) -> HttpRequest:
        """Build the request that deletes a user's profile permanently."""
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        body = {"external_ids": [delivery.message.user_id]}
        return HttpRequest("POST", f"{self.base_url}/users/delete", body)

    def _person_id(self, delivery: Delivery[Any]) -> JsonObject:
        """Return the one id of the person: Braze needs an alias to accept a second id."""
        user_id, anonymous_id = self.single_id(delivery)
        if user_id:
            return {"external_id": user_id}
        # By default, Braze ignores objects of an alias that does not exist yet.
        return {"user_alias": _alias_object(anonymous_id), "_update_existing_only": False}

    def _attributes(self, delivery: Delivery[Message], person: Identify) -> JsonObject:
        traits = person.traits or {}
        problems = dict(attribute_problems(traits))
        supported = self.supported_values(delivery, "traits", traits, problems)
        location = self._location(delivery)
        paths = {"country": "context.location.country", "current_location": "context.location"}
        return self.with_defaults(delivery, to_attributes(supported), location, "context", paths)

    def _location(self, delivery: Delivery[Message]) -> JsonObject:
        """Return the attributes that Braze has for the location in the context."""
        context = self.take_context(delivery, _LOCATION)
        coordinates = {n: context.pop(n) for n in ("latitude", "longitude") if n in context}
        if len(coordinates) == 1:
            (name,) = coordinates
            reason = f"cannot be sent alone: {self.title} needs latitude and longitude"
            problem = FieldProblem(f"context.{_LOCATION[name]}", reason)
            self.refuse_or_leave_out(delivery, [problem])
            return context
        return context | ({"current_location": coordinates} if coordinates else {})

    def _event(self, delivery: Delivery[Message], name: str, *fields: str) -> JsonObject:
        self.refuse_fields(delivery, "traits", "channel", "company_id")
        if len(name) > NAME_LIMIT_CHARACTERS:
            reason = f"must have at most {NAME_LIMIT_CHARACTERS} characters at {self.title}"
            raise ValidationError.at("track.event", reason)
        merged = self.merge_fields(delivery, "properties", *fields)
        properties = self._properties(delivery, merged, RESERVED_EVENT_PROPERTIES)
        return {
            **self._person_id(delivery),
            "name": name,
            "time": _time(delivery),
            **({"properties": properties} if properties else {}),
        }

    def _purchases(
        self, delivery: Delivery[Message], products: Sequence[Product]
    ) -> list[JsonObject]:
        """Return a purchase for each product of an order."""
        self.refuse_context(delivery)
        self.refuse_fields(delivery, "traits", "channel", "company_id")
        if len(products) > _MOST_OBJECTS:
            reason = f"has {len(products)} products; {self.title} accepts {_MOST_OBJECTS}"
            raise ValidationError.at("track.properties.products", reason)
        problems = [problem for product in products for problem in product.problems()]
        if problems:
            raise ValidationError.of(problems)
        order = self.merge_fields(delivery, "properties")
        if isinstance(order.get("products"), list):
            del order["products"]
        if order.get("currency") in (None, *(product.currency for product in products)):
            order.pop("currency", None)
        order_properties = self._properties(delivery, order, RESERVED_PURCHASE_PROPERTIES)
        for product in products:
            self.refuse_or_leave_out(delivery, product.reserved())
            replaced = product.replaced(order_properties)
            delivery.left_out.update(path.removeprefix("track.") for path in replaced)
        base = {**self._person_id(delivery), "time": _time(delivery)}
        return [{**base, **product.to_purchase(order_properties)} for product in products]

    def _properties(
        self, delivery: Delivery[Message], properties: JsonObject, reserved: frozenset[str]
    ) -> JsonObject:
        problems = {
            name: problem for name in properties if (problem := property_problem(name, reserved))
        }
        return self.supported_values(delivery, "properties", properties, problems)


def _alias_object(anonymous_id: str | None) -> JsonObject:
    return {"alias_name": anonymous_id, "alias_label": _ALIAS_LABEL}


def _array(message: Message) -> str | None:
    """Return the array of `/users/track` for a message; None if it has another endpoint."""
    match message:
        case Identify() | Group():
            return "attributes"
        case Track():
            return "purchases" if purchased_products(message) else "events"
        case Page() | Screen():
            return "events"
        case _:
            return None


def _time(delivery: Delivery[Message]) -> str:
    timestamp = delivery.message.timestamp
    return write_timestamp(datetime.fromisoformat(timestamp) if timestamp else delivery.sent_at)


def _errors(response: HttpResponse) -> Iterator[tuple[Any, str]]:
    """Yield the index, if there is one, and the reason of each refused object."""
    body = response.body if isinstance(response.body, dict) else {}
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else [errors] if errors else []:
        fields = error if isinstance(error, dict) else {"type": error}
        yield fields.get("index"), str(fields.get("type", "no reason given"))[:200]
    if not errors and body.get("message") == "failure":
        yield None, "no reason given"
