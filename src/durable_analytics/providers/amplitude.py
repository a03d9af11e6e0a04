"""Amplitude: it receives events, and the properties of users and groups as events.

Source: Amplitude's HTTP V2, Batch Event Upload, User Mapping and User Privacy APIs and its SDKs.
Like the SDKs, this module sends properties as events of the types `$identify` and `$groupidentify`,
so that they have a time and an `insert_id`, by which Amplitude drops repeated events.
"""

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import PositiveInt

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.providers._amplitude_event import (
    CONTEXT_FIELDS,
    RESERVED_EVENTS,
    find_session_id,
    normalise_platform,
    parse_session_id,
    property_operations,
    revenue_fields,
    take_campaign,
)
from durable_analytics.providers._amplitude_responses import AmplitudeResponses
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._deliveries import BatchDelivery, BatchLimits, Delivery
from durable_analytics.providers._person_ids import PLACEHOLDER_IDS, single_new_id
from durable_analytics.providers.http import Form, HttpRequest, JsonItems
from durable_analytics.providers.setting_types import BaseUrl, Credential
from durable_analytics.wire.field_types import RequiredText
from durable_analytics.wire.json_writer import write_json
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
from durable_analytics.wire.timestamps import milliseconds

_BASIC = "basic"
_EVENTS = "events"

_DEFAULT_MIN_ID_LENGTH = 5
"""Characters. Amplitude drops shorter ids, unless a request has the option `min_id_length`."""

_ALIAS_HOSTS = {"https://api2.amplitude.com": "https://api.amplitude.com"}
"""The host of the User Mapping API, if it differs from the host for events."""


class Amplitude(AmplitudeResponses, Provider):
    """A project at Amplitude."""

    title: ClassVar = "Amplitude"
    statuses_with_details: ClassVar = frozenset({400})
    credential_names: ClassVar = frozenset({"api_key", "secret_key"})
    credential_sets: ClassVar = ("", _BASIC)
    separate_credentials: ClassVar = frozenset({_BASIC})
    credential_settings: ClassVar = {"delete": "secret_key"}
    regions: ClassVar = {
        "us": {
            "base_url": "https://api2.amplitude.com",
            "privacy_url": "https://amplitude.com",
        },
        "eu": {
            "base_url": "https://api.eu.amplitude.com",
            "privacy_url": "https://analytics.eu.amplitude.com",
        },
    }
    timestamped_methods: ClassVar = frozenset({"identify", "track", "group", "page", "screen"})
    message_id_fields: ClassVar = dict.fromkeys(
        ("identify", "track", "group", "page", "screen"), "insert_id"
    )

    message_limit_bytes: ClassVar = 1_000_000
    """1 MB for each request (HTTP V2 API)."""

    batch_limits: ClassVar = {_EVENTS: BatchLimits(body_bytes=19_999_000, messages=2000)}
    """20 MB with the API key, and 2000 events (Batch Event Upload API)."""

    region: Literal["us", "eu"] = "us"
    """The region of the project."""

    base_url: BaseUrl
    """The URL of the APIs for events. Default: that of the region."""

    privacy_url: BaseUrl
    """The URL of the User Privacy API, for deletions. Default: that of the region."""

    api_key: Credential
    """The project's API key."""

    secret_key: Credential | None = None
    """The project's secret key, which deletions need."""

    min_id_length: PositiveInt | None = None
    """The length, in characters, of the shortest valid id. Default: 5, as at Amplitude."""

    group_type: RequiredText = "group"
    """The type of all groups, like "company"."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the API key to the body, or Basic authentication with both keys."""
        del delivery_id, sent_at
        key = self.api_key.get_secret_value()
        if request.credentials != _BASIC and isinstance(request.body, (dict, Form, JsonItems)):
            return request.with_fields({"api_key": key})
        secret = self.secret_key.get_secret_value() if self.secret_key else ""
        return request.with_basic_auth(key, secret)

    def id_problem(self, value: str) -> str:
        """Return why Amplitude would drop an id: it is too short, or a placeholder like "null"."""
        shortest = self.min_id_length or _DEFAULT_MIN_ID_LENGTH
        if value.casefold() in PLACEHOLDER_IDS:
            return "is a placeholder, which Amplitude drops: use the id of one person"
        if len(value) < shortest:
            return (
                f"has fewer than {shortest} characters, and Amplitude would drop it: "
                "use a longer id, or set the integration's min_id_length"
            )
        return ""

    @builds("track", "page", "screen", "identify", "group")
    def events(self, delivery: Delivery[Any]) -> HttpRequest:
        """Build a request with one event, or with two for a group with traits.

        The first event of a group adds the user to the group; the second sets the group's
        properties.
        """
        events = [write_json(self.item(delivery))]
        if delivery.method == "group" and delivery.message.traits:
            events.append(write_json(self._group_properties(delivery)))
        return self._post("2/httpapi", events)

    @builds("alias")
    def alias(self, delivery: Delivery[Alias]) -> HttpRequest:
        """Build the request that maps the previous user to the new one, with all events."""
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        new_id = single_new_id(delivery.message.new_user_id, self.title)
        self.check_ids(delivery, "previous_user_id", "new_user_id")
        mapping = {"user_id": delivery.message.previous_user_id, "global_user_id": new_id}
        fields = {"mapping": write_json([mapping]).decode()}
        if self.min_id_length:
            fields["options"] = write_json(self._options()["options"]).decode()
        host = _ALIAS_HOSTS.get(self.base_url, self.base_url)
        return HttpRequest("POST", f"{host}/usermap", Form(fields))

    @builds("delete")
    def delete(self, delivery: Delivery[Delete]) -> HttpRequest:
        """Build the request that creates a deletion job, which Amplitude runs within 30 days."""
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        body = {"user_ids": [delivery.message.user_id], "requester": "durable-analytics"}
        url = f"{self.privacy_url}/api/2/deletions/users"
        return HttpRequest("POST", url, body, credentials=_BASIC)

    def batch_key(self, method: str, message: Message) -> str | None:
        """Return the key of the one endpoint; None for a message that becomes two events."""
        has_two_events = isinstance(message, Group) and bool(message.traits)
        return _EVENTS if method in self.timestamped_methods and not has_two_events else None

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """See base class."""
        return self._post("batch", batch.items)

    def item(self, delivery: Delivery[Any]) -> JsonObject:
        """Return the event of a message."""
        match delivery.message:
            case Track(event=event, properties=properties):
                if event in RESERVED_EVENTS:
                    raise ValidationError.at(
                        "track.event", "is a name that Amplitude reserves: use another"
                    )
                return self._event(delivery, event, properties or {})
            case Page(name=name) | Screen(name=name):
                properties = self.merge_fields(delivery, "properties", "name", "category")
                viewed = name or f"a {delivery.method.capitalize()}"
                return self._event(delivery, f"Viewed {viewed}", properties)
            case _:
                return self._event(delivery, "$identify", {})

    def _event(
        self, delivery: Delivery[PersonMessage], event_type: str, properties: JsonObject
    ) -> JsonObject:
        self.refuse_fields(delivery, "channel")
        fields = self.take_context(delivery, CONTEXT_FIELDS)
        campaign = take_campaign(fields)
        message = delivery.message
        own_group_id = {"track": "company_id", "group": "group_id"}.get(delivery.method, "")
        group_id = self.single_group_id(
            delivery, getattr(message, own_group_id, None), fields.pop("group_id", None)
        )
        groups = {} if group_id is None else {self.group_type: group_id}
        traits = message.traits if isinstance(message, (Track, Identify)) else None
        user_properties = self.with_context_traits(
            delivery,
            groups if isinstance(message, Group) else traits or {},
            fields.pop("traits", None),
        )
        return _without_empty_values(
            {
                **normalise_platform(fields),
                **self._ids(delivery, fields.get("device_id")),
                "event_type": event_type,
                "time": milliseconds(message.timestamp or ""),
                "session_id": self._session_id(delivery),
                "insert_id": message.message_id,
                "event_properties": properties,
                "user_properties": property_operations(
                    f"{delivery.method}.traits", user_properties, campaign
                ),
                "groups": groups,
                **(revenue_fields(properties) if isinstance(message, Track) else {}),
            }
        )

    def _ids(self, delivery: Delivery[PersonMessage], device_id: Any) -> JsonObject:
        user_id, anonymous_id = self.accepted_ids(delivery)
        if device_id is None:
            return {"user_id": user_id, "device_id": anonymous_id}
        problem = self.id_problem(device_id) if isinstance(device_id, str) else "must be text"
        if problem:
            if delivery.strict or not (user_id or anonymous_id):
                raise ValidationError.at("context.device.id", problem)
            delivery.left_out.add("context.device.id")
            return {"user_id": user_id, "device_id": anonymous_id}
        if anonymous_id not in (None, device_id):
            if delivery.strict:
                raise ValidationError.at(
                    f"{delivery.method}.anonymous_id",
                    "cannot be sent beside context.device.id: Amplitude accepts one; remove it",
                )
            delivery.left_out.add("anonymous_id")
        return {"user_id": user_id, "device_id": device_id}

    def _session_id(self, delivery: Delivery[PersonMessage]) -> int | None:
        path, value = find_session_id(delivery.message.integrations)
        session_id = None if value is None else parse_session_id(value)
        if value is not None and session_id is None:
            reason = "must be the start of the session, in milliseconds since 1970"
            problem = FieldProblem(f"{delivery.method}.integrations.{path}", reason)
            self.refuse_or_leave_out(delivery, [problem])
        return session_id

    def _group_properties(self, delivery: Delivery[Group]) -> JsonObject:
        message = delivery.message
        device_id = self.take_context(delivery, CONTEXT_FIELDS).get("device_id")
        return _without_empty_values(
            {
                "event_type": "$groupidentify",
                "time": milliseconds(message.timestamp or ""),
                # The first event of the message has the message id as its insert_id.
                "insert_id": f"{message.message_id}-group",
                **self._ids(delivery, device_id),
                "groups": {self.group_type: message.group_id},
                "group_properties": property_operations("group.traits", message.traits or {}, {}),
            }
        )

    def _options(self) -> JsonObject:
        return {"options": {"min_id_length": self.min_id_length}} if self.min_id_length else {}

    def _post(self, endpoint: str, events: Any) -> HttpRequest:
        url = f"{self.base_url}/{endpoint}"
        return HttpRequest("POST", url, JsonItems(events, "events", self._options()))


def _without_empty_values(event: JsonObject) -> JsonObject:
    return {name: value for name, value in event.items() if value not in (None, {})}
