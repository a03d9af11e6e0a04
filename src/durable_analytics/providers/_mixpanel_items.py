"""Mixpanel's items: events, profile updates and aliases, without the project's token."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from durable_analytics.errors import ValidationError
from durable_analytics.providers._combined_fields import CombinedFields
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers._mixpanel_fields import (
    CONTEXT_PROPERTIES,
    GROUP_PROPERTIES,
    RESERVED_PROPERTIES,
    USER_PROPERTIES,
    profile_update,
)
from durable_analytics.providers._person_ids import PLACEHOLDER_IDS, PersonIds, single_new_id
from durable_analytics.wire.field_types import is_filled
from durable_analytics.wire.messages import (
    Alias,
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

_PLACEHOLDER_IDS = PLACEHOLDER_IDS | {"anon", "true", "false", "[]"}

_PATHS_IN_CONTEXT = {
    name: f"context.{path if isinstance(path, str) else path[0]}"
    for name, path in CONTEXT_PROPERTIES.items()
}

_INSERT_ID = re.compile(r"[A-Za-z0-9-]{1,36}", re.ASCII)
_INSERT_ID_NAMESPACE = uuid.UUID("4bb2a5c0-7d3c-5a43-9a3e-0f4b52a7d6c1")
"""The namespace of the UUIDv5 that replaces a message id that is not a valid insert id."""

_EARLIEST_TIME = datetime(1971, 1, 1, tzinfo=UTC)
_FUTURE_LIMIT = timedelta(hours=1)
_MOST_PROPERTIES = 254
"""Mixpanel accepts fewer than 255 properties in an event."""


class MixpanelItems(CombinedFields, PersonIds):
    """The part of the provider that converts messages to items."""

    group_key: str

    def id_problem(self, value: str) -> str:
        """Return why Mixpanel would refuse an id: it is a placeholder, like "null"."""
        if value.casefold() in _PLACEHOLDER_IDS:
            return "is a placeholder, which Mixpanel refuses: use the id of one person"
        return ""

    def item(self, delivery: Delivery[Any]) -> JsonObject:
        """Return the event, profile update or alias of a message, without the project's token."""
        message = delivery.message
        match message:
            case Track():
                return self._event(delivery, message.event, dict(message.properties or {}))
            case Page() | Screen():
                viewed = message.name or f"a {delivery.method.capitalize()}"
                properties = self.merge_fields(delivery, "properties", "name", "category")
                return self._event(delivery, f"Viewed {viewed}", properties)
            case Identify():
                return self._merge(delivery) if is_merge(message) else self._user(delivery)
            case Group():
                return self._group(delivery)
            case _:
                return self._alias(delivery)

    def _event(
        self, delivery: Delivery[PersonMessage], name: str, properties: JsonObject
    ) -> JsonObject:
        message = delivery.message
        self.refuse_fields(delivery, "traits", "channel")
        fields = self.take_context(delivery, CONTEXT_PROPERTIES)
        company_id = message.company_id if isinstance(message, Track) else None
        group_id = self.single_group_id(delivery, company_id, fields.pop("group_id", None))
        reserved = dict.fromkeys(
            RESERVED_PROPERTIES & properties.keys(), "is a name that Mixpanel reserves: use another"
        )
        properties = self.supported_values(delivery, "properties", properties, reserved)
        properties = self.with_defaults(delivery, properties, fields, "context", _PATHS_IN_CONTEXT)
        group = {} if group_id is None else {self.group_key: group_id}
        path = f"{delivery.method}.company_id" if company_id else "context.group_id"
        with_group = self.with_defaults(delivery, properties, group, "", {self.group_key: path})
        user_id, anonymous_id = self.accepted_ids(delivery)
        own = {
            "time": self._time(delivery),
            "distinct_id": user_id or anonymous_id,
            "$user_id": user_id,
            "$device_id": anonymous_id,
            "$insert_id": _insert_id(message.message_id or ""),
            self.group_key: with_group.get(self.group_key),
        }
        event = properties | {key: value for key, value in own.items() if value is not None}
        if len(event) > _MOST_PROPERTIES:
            raise ValidationError.at(
                f"{delivery.method}.properties",
                f"gives an event with {len(event)} properties; Mixpanel accepts {_MOST_PROPERTIES}",
            )
        return {"event": name, "properties": event}

    def _time(self, delivery: Delivery[PersonMessage]) -> int:
        timestamp = delivery.message.timestamp or ""
        time = datetime.fromisoformat(timestamp)
        if not _EARLIEST_TIME <= time <= delivery.sent_at + _FUTURE_LIMIT:
            raise ValidationError.at(
                f"{delivery.method}.timestamp",
                "must be in 1971 or later, and at most one hour in the future, at Mixpanel",
            )
        return milliseconds(timestamp)

    def _user(self, delivery: Delivery[Identify]) -> JsonObject:
        self.refuse_fields(delivery)
        fields = self.take_context(delivery, {"$ip": "ip", "traits": "traits"})
        traits = self.with_context_traits(
            delivery, delivery.message.traits or {}, fields.pop("traits", None)
        )
        user_id, anonymous_id = self.accepted_ids(delivery)
        if user_id and anonymous_id:
            if delivery.strict:
                raise ValidationError.at(
                    "identify.anonymous_id",
                    "cannot be sent beside user_id and traits: a profile at Mixpanel has one id; "
                    "to merge two ids, send an identify without traits",
                )
            delivery.left_out.add("anonymous_id")
        return {
            "$distinct_id": user_id or anonymous_id,
            "$time": _seconds(delivery),
            **fields,
            **profile_update(delivery, traits, USER_PROPERTIES),
        }

    def _group(self, delivery: Delivery[Group]) -> JsonObject:
        self.refuse_fields(delivery)
        self.refuse_context(delivery)
        # The profile of a group has no list of users: the events of a user contain the group's id.
        delivery.left_out.update(delivery.given("user_id", "anonymous_id"))
        return {
            "$group_key": self.group_key,
            "$group_id": delivery.message.group_id,
            "$time": _seconds(delivery),
            **profile_update(delivery, delivery.message.traits or {}, GROUP_PROPERTIES),
        }

    def _merge(self, delivery: Delivery[Identify]) -> JsonObject:
        self.refuse_fields(delivery)
        self.refuse_context(delivery)
        ids = delivery.message
        self.check_ids(delivery, "user_id", "anonymous_id")
        merged = {"$identified_id": ids.user_id, "$anon_id": ids.anonymous_id}
        return {"properties": merged, "event": "$identify"}

    def _alias(self, delivery: Delivery[Alias]) -> JsonObject:
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        new_id = single_new_id(delivery.message.new_user_id, self.title)
        self.check_ids(delivery, "previous_user_id", "new_user_id")
        aliased = {"distinct_id": delivery.message.previous_user_id, "alias": new_id}
        return {"properties": aliased, "event": "$create_alias"}


def is_merge(message: Identify) -> bool:
    """Whether an identify only connects two ids of a person: it has both ids and no traits."""
    return is_filled(message.user_id) and is_filled(message.anonymous_id) and not message.traits


def _insert_id(message_id: str) -> str:
    """Return the id by which Mixpanel drops repeated events: the message id if it is valid."""
    if _INSERT_ID.fullmatch(message_id):
        return message_id
    return str(uuid.uuid5(_INSERT_ID_NAMESPACE, message_id))


def _seconds(delivery: Delivery[Message]) -> float:
    """Return the time of an update; Mixpanel keeps newer values when an older update arrives."""
    return milliseconds(delivery.message.timestamp or "") / 1000
