"""Customer.io: people, their events, and the objects that they belong to, with the Track API v2.

Source: the reference of the Track API and the SDK `customerio`, and Segment's Customer.io
integration where the API leaves a choice. Times are Unix seconds, in attributes too.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

from durable_analytics.errors import DeliveryError, Rejected, ValidationError
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._customerio_values import (
    EVENT_NAME_LIMIT_BYTES,
    attribute_problem,
    check_size,
    convert_times,
    person_identifiers,
    timestamp_field,
    ulid,
)
from durable_analytics.providers._deliveries import BatchDelivery, BatchLimits, Delivery
from durable_analytics.providers._person_ids import single_new_id
from durable_analytics.providers.http import HttpRequest, HttpResponse, JsonItems
from durable_analytics.providers.setting_types import BaseUrl, Credential
from durable_analytics.wire.field_types import is_filled, is_number
from durable_analytics.wire.messages import (
    Alias,
    Delete,
    Group,
    Identify,
    JsonObject,
    Message,
    Page,
    PersonMessage,
    Screen,
    Track,
)


class CustomerIo(Provider):
    """A workspace at Customer.io."""

    title: ClassVar = "Customer.io"
    credential_names: ClassVar = frozenset({"site_id", "api_key"})
    regions: ClassVar = {
        "us": {"base_url": "https://track.customer.io"},
        "eu": {"base_url": "https://track-eu.customer.io"},
    }
    timestamped_methods: ClassVar = frozenset({"identify", "track", "page", "screen"})
    message_id_fields: ClassVar = dict.fromkeys(("track", "page", "screen"), "id")

    message_limit_bytes: ClassVar = 32 * 1024
    """32 KB for each operation (Track API limits)."""

    batch_limits: ClassVar = {"batch": BatchLimits(body_bytes=500 * 1000, messages=1000)}
    """500 KB (Track API limits). Customer.io does not limit the number of messages."""

    region: Literal["us", "eu"] = "us"
    """The region of the workspace."""

    base_url: BaseUrl
    """The URL of the Track API. Default: that of the region."""

    site_id: Credential
    """The site id of the workspace."""

    api_key: Credential
    """The key of the Track API that belongs to the site id."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add Basic authentication with the site id and the API key."""
        del delivery_id, sent_at
        return request.with_basic_auth(
            self.site_id.get_secret_value(), self.api_key.get_secret_value()
        )

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response; a 2xx may list errors."""
        failure = self.classify_status(response.status_code)
        if failure is None and (errors := _errors(response)):
            return self._rejection(next((e for e in errors if isinstance(e, dict)), {}))
        return failure

    def classify_batch(
        self, response: HttpResponse, count: int
    ) -> DeliveryError | Mapping[int, DeliveryError]:
        """Classify the response; a 207 lists the refused messages, and accepts the others."""
        if failure := self.classify_status(response.status_code):
            return failure
        errors = _errors(response)
        if not errors and response.status_code != 207:
            return {}
        refused = {
            index: self._rejection(error)
            for error in errors
            if isinstance(error, dict) and type(index := error.get("batch_index")) is int
            if 0 <= index < count
        }
        answered = f"{self.title} answered {response.status_code}"
        return refused or Rejected(f"{answered} without the refused messages")

    def _rejection(self, error: JsonObject) -> Rejected:
        detail = " ".join(str(error[key])[:100] for key in ("field", "reason") if error.get(key))
        return Rejected(f"{self.title} refused the message" + (f": {detail}" if detail else ""))

    @builds("identify", "track", "group", "alias", "page", "screen", "delete")
    def message(self, delivery: Delivery[Message]) -> HttpRequest:
        """Build the request with one operation."""
        return HttpRequest("POST", f"{self.base_url}/api/v2/entity", self.item(delivery))

    def batch_key(self, method: str, message: Message) -> str | None:
        """Return the key of the one endpoint, which accepts all operations."""
        del method, message
        return "batch"

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """Return the request for operations, which Customer.io executes in order."""
        return HttpRequest("POST", f"{self.base_url}/api/v2/batch", JsonItems(batch.items, "batch"))

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """Return the operation of a message: an action on a person or an object."""
        self.refuse_context(delivery)
        match delivery.message:
            case Identify() as person:
                return self._identify(delivery, person)
            case Group() as group:
                return self._group(delivery, group)
            case Alias() as alias:
                return self._merge(delivery, alias)
            case Delete() as person:
                self.refuse_fields(delivery, "traits")
                identifiers = person_identifiers("delete.user_id", person.user_id)
                return _person_operation("delete", identifiers)
            case PersonMessage() as event:
                return self._event(delivery, event)
            case _:
                raise NotImplementedError(delivery.method)

    def _identify(self, delivery: Delivery[Message], person: Identify) -> JsonObject:
        self.refuse_fields(delivery)
        email = (person.traits or {}).get("email")
        if is_filled(person.user_id):
            identifiers = person_identifiers("identify.user_id", person.user_id)
        elif is_filled(email):
            identifiers = {"email": email}
        else:
            reason = f"is required at {self.title} if traits have no email"
            raise ValidationError.at("identify.user_id", reason)
        traits = self.merge_fields(delivery, "traits", "anonymous_id")
        relationships = self._object_of_person(delivery, traits)
        return {
            **_person_operation("identify", identifiers),
            **timestamp_field(person),
            **self._attributes(delivery, traits),
            **({"cio_relationships": [relationships]} if relationships else {}),
        }

    def _object_of_person(self, delivery: Delivery[Message], traits: JsonObject) -> JsonObject:
        """Return the relationship with the object in the trait `objectId`; {} without the trait.

        The traits that describe the relationship are removed from the traits.
        """
        object_id = traits.get("objectId")
        if not (is_filled(object_id) or is_number(object_id)):
            return {}
        check_size("identify.traits.objectId", str(object_id))
        identifiers = {
            "object_type_id": self._take_object_type(delivery, traits),
            "object_id": str(object_id),
        }
        return {"identifiers": identifiers, **_take_relationship_attributes(traits)}

    def _take_object_type(self, delivery: Delivery[Message], traits: JsonObject) -> str:
        """Remove the type of an object from traits, and return it."""
        types: JsonObject = {
            n: traits.pop(n) for n in ("object_type_id", "objectTypeId") if n in traits
        }
        set_types = {name: type_ for name, type_ in types.items() if type_ is not None}
        object_type = next(filter(None, set_types.values()), "1")
        path = f"{delivery.method}.traits"
        self.combine(delivery, dict.fromkeys(set_types, object_type), set_types, path)
        return str(object_type)

    def _event(self, delivery: Delivery[Message], event: PersonMessage) -> JsonObject:
        self.refuse_fields(delivery, "traits", "channel", "company_id")
        properties = event.properties if isinstance(event, (Page, Screen)) else None
        match event:
            case Track():
                action, name, added_fields = "event", event.event, []
            case Page():
                url = (properties or {}).get("url")
                names = [url, event.name, *((properties or {}).get(k) for k in ("path", "title"))]
                action, name = "page", next(filter(is_filled, names), "")
                added_fields = ["name", "category"] if is_filled(url) else ["category"]
            case _:
                action, name = "screen", getattr(event, "name", None) or ""
                added_fields = ["category"]
        field = "event" if action == "event" else "name"
        if not is_filled(name):
            raise ValidationError.at(f"{delivery.method}.{field}", f"is required at {self.title}")
        if action == "event":
            check_size(f"{delivery.method}.{field}", name, EVENT_NAME_LIMIT_BYTES)
        if is_filled(event.user_id):
            identifiers = person_identifiers(f"{delivery.method}.user_id", event.user_id)
            added_fields.append("anonymous_id")
        else:
            identifiers = {"anonymous_id": event.anonymous_id}
            check_size(f"{delivery.method}.anonymous_id", event.anonymous_id or "")
        attributes = convert_times(self.merge_fields(delivery, "properties", *added_fields))
        return {
            **_person_operation(action, identifiers),
            "id": ulid(event.message_id or ""),
            "name": name,
            **timestamp_field(event),
            **({"attributes": attributes} if attributes else {}),
        }

    def _group(self, delivery: Delivery[Message], group: Group) -> JsonObject:
        has_user = is_filled(group.user_id)
        self.refuse_fields(delivery, *(["anonymous_id"] if has_user else []))
        traits = dict(group.traits or {})
        object_type = self._take_object_type(delivery, traits)
        related = _take_relationship_attributes(traits)
        attributes = _take_object(traits, "objectAttributes")
        traits = self.combine(delivery, attributes, traits, "group.traits")
        relationship: JsonObject = {
            "identifiers": person_identifiers("group.user_id", group.user_id or "")
            if has_user
            else {"anonymous_id": group.anonymous_id},
            **related,
        }
        check_size("group.group_id", group.group_id)
        return {
            "type": "object",
            "action": "identify" if has_user else "identify_anonymous",
            "identifiers": {
                "object_type_id": object_type,
                "object_id": group.group_id,
            },
            **self._attributes(delivery, traits),
            "cio_relationships": [relationship],
        }

    def _merge(self, delivery: Delivery[Message], alias: Alias) -> JsonObject:
        """Return the operation that merges the previous person into the new one."""
        self.refuse_fields(delivery, "traits")
        new_id = single_new_id(alias.new_user_id, self.title)
        return {
            "type": "person",
            "action": "merge",
            "primary": person_identifiers("alias.new_user_id", new_id),
            "secondary": person_identifiers("alias.previous_user_id", alias.previous_user_id),
        }

    def _attributes(self, delivery: Delivery[Message], traits: JsonObject) -> JsonObject:
        """Return the attributes of a person or an object, without those above a limit."""
        if "createdAt" in traits:
            created_at = {"created_at": traits.pop("createdAt")}
            path = f"{delivery.method}.traits"
            paths = {"created_at": f"{path}.createdAt"}
            traits = self.combine(delivery, traits, created_at, path, paths)
        problems = {
            name: problem
            for index, (name, value) in enumerate(traits.items())
            if (problem := attribute_problem(index, name, value))
        }
        attributes = self.supported_values(delivery, "traits", traits, problems)
        return {"attributes": convert_times(attributes)} if attributes else {}


def _errors(response: HttpResponse) -> list[Any]:
    errors = response.body.get("errors") if isinstance(response.body, dict) else None
    return errors if isinstance(errors, list) else [errors] if errors else []


def _take_object(traits: JsonObject, name: str) -> JsonObject:
    return traits.pop(name) if isinstance(traits.get(name), dict) else {}


def _take_relationship_attributes(traits: JsonObject) -> JsonObject:
    related = _take_object(traits, "relationshipAttributes")
    return {"relationship_attributes": convert_times(related)} if related else {}


def _person_operation(action: str, identifiers: JsonObject) -> JsonObject:
    return {"type": "person", "action": action, "identifiers": identifiers}
