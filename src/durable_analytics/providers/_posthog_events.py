"""Conversion of a message to an event of PostHog."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.providers._combined_fields import CombinedFields
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers._message_uuid import message_uuid
from durable_analytics.providers._person_ids import single_new_id
from durable_analytics.providers._posthog_context import (
    PATHS_OF_PROPERTIES,
    context_fields,
    context_properties,
)
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

_RESERVED = {"$identify": "identify", "$groupidentify": "group", "$create_alias": "alias"}
"""Events that change persons and groups, and the method that sends each of them."""

_PAGE_PROPERTIES = {"url": "$current_url", "path": "$pathname", "referrer": "$referrer"}
"""Segment's properties of a page, and their names at PostHog."""

_TEXT_LIMIT_CHARACTERS = 200
"""PostHog cuts longer ids and event names."""

_FUTURE_LIMIT = timedelta(hours=23)
"""PostHog replaces a later timestamp with the time of arrival."""

_PLACEHOLDER_IDS = frozenset(
    {"0", "[object object]", "anonymous", "distinct_id", "distinctid", "email", "false", "guest"}
    | {"id", "nan", "none", "not_authenticated", "null", "true", "undefined"}
)
"""Ids, in lower case, that PostHog never connects with another id; it reports no error."""


def make_event(
    provider: CombinedFields, delivery: Delivery[Message], group_type: str
) -> JsonObject:
    """Return the event of a message.

    Args:
        provider: The provider, which refuses or leaves out values.
        delivery: A message of identify, track, group, alias, page or screen.
        group_type: The type of the groups in the event.

    Raises:
        ValidationError: PostHog would cut an id, drop the message or replace its time.
    """
    message = delivery.message
    context, repeated = context_fields(delivery.context)
    provider.refuse_or_leave_out(
        delivery, (FieldProblem(f"context.{name}", provider.conflict) for name in repeated)
    )
    distinct_id, name, own = _person_and_event(delivery)
    properties = provider.with_defaults(
        delivery, own, context_properties(context), "context", PATHS_OF_PROPERTIES
    )
    traits = {} if isinstance(message, Group) else _object(getattr(message, "traits", None))
    traits = provider.with_context_traits(delivery, traits, _object(context.get("traits")))
    paths = {trait: f"{delivery.method}.traits.{trait}" for trait in traits}
    _merge(provider, delivery, properties, "$set", traits, paths=paths)
    company_id = getattr(message, "company_id", None)
    if group := provider.single_group_id(delivery, company_id, context.get("group_id")):
        path = f"{delivery.method}.company_id" if company_id else "context.group_id"
        paths = {group_type: path}
        _merge(provider, delivery, properties, "$groups", {group_type: group}, paths=paths)
    if isinstance(message, Group):
        properties["$group_type"] = group_type
    if "$ip" not in properties:
        # Otherwise PostHog would derive the person's location from the IP address of the worker.
        properties["$geoip_disable"] = True
    if _is_of_anonymous_person(message) and "$set" not in properties:
        properties.setdefault("$process_person_profile", False)
    return {
        "event": name,
        "distinct_id": distinct_id,
        "properties": properties,
        **_timestamp(delivery),
        "uuid": message_uuid(message.message_id or ""),
    }


def _person_and_event(delivery: Delivery[Message]) -> tuple[str, str, JsonObject]:
    """Return the id of the person, the name of the event, and its properties without context."""
    message = delivery.message
    if isinstance(message, Alias):
        return _alias(message)
    assert isinstance(message, PersonMessage)  # noqa: S101  # other methods have no event
    distinct_id, ids = _ids(delivery, message)
    match message:
        case Identify():
            # `$identify` marks a person as known, and PostHog does not merge known persons.
            name = "$identify" if is_filled(message.user_id) else "$set"
            return distinct_id, name, {"$set": {}, **ids}
        case Group():
            own = {"$group_key": message.group_id, "$group_set": message.traits or {}}
            return distinct_id, "$groupidentify", {**own, **ids}
        case Track():
            name = _track_name(delivery, message)
            return distinct_id, name, _properties(delivery, {"channel": "channel"}, ids)
        case Page():
            names = {"name": "name", "category": "category"}
            own = _properties(delivery, names, ids)
            renamed = {
                _PAGE_PROPERTIES[key]: own[key] for key in _PAGE_PROPERTIES.keys() & own.keys()
            }
            return distinct_id, "$pageview", {**renamed, **own}
        case _:
            assert isinstance(message, Screen)  # noqa: S101  # the last of these methods
            names = {"name": "$screen_name", "category": "category"}
            return distinct_id, "$screen", _properties(delivery, names, ids)


def _alias(message: Alias) -> tuple[str, str, JsonObject]:
    """Return the event by which PostHog's SDKs make the new id an alias of the previous one."""
    previous, new = message.previous_user_id, single_new_id(message.new_user_id, "PostHog")
    ids = {"alias.previous_user_id": previous, "alias.new_user_id": new}
    _check_lengths(ids)
    if placeholders := [path for path, id_ in ids.items() if _is_placeholder(id_)]:
        reason = "is a placeholder: PostHog would drop the alias; use the id of one person"
        raise ValidationError.of(FieldProblem(path, reason) for path in placeholders)
    return previous, "$create_alias", {"distinct_id": previous, "alias": new}


def _ids(delivery: Delivery[Message], person: PersonMessage) -> tuple[str, JsonObject]:
    """Return the id of the person, and the property for an anonymous id beside the user id."""
    method = delivery.method
    user_id = person.user_id if is_filled(person.user_id) else None
    anonymous_id = person.anonymous_id if is_filled(person.anonymous_id) else None
    _check_lengths({f"{method}.user_id": user_id, f"{method}.anonymous_id": anonymous_id})
    if user_id is None or anonymous_id is None:
        return user_id or anonymous_id or "", {}
    reason = (
        "is a placeholder: PostHog would not connect it with the other id; use the id of one person"
    )
    problems = [
        FieldProblem(f"{method}.{name}", reason)
        for name, id_ in (("user_id", user_id), ("anonymous_id", anonymous_id))
        if _is_placeholder(id_)
    ]
    if problems and isinstance(person, Identify):
        if delivery.strict:
            raise ValidationError.of(problems)
        delivery.left_out.add("anonymous_id")
        return user_id, {}
    return user_id, {"$anon_distinct_id": anonymous_id}


def _is_placeholder(id_: str) -> bool:
    return id_.strip().lower() in _PLACEHOLDER_IDS


def _check_lengths(ids: Mapping[str, str | None]) -> None:
    reason = f"must have at most {_TEXT_LIMIT_CHARACTERS} characters: PostHog cuts longer ids"
    problems = [
        FieldProblem(path, reason)
        for path, id_ in ids.items()
        if id_ and len(id_) > _TEXT_LIMIT_CHARACTERS
    ]
    if problems:
        raise ValidationError.of(problems)


def _track_name(delivery: Delivery[Message], message: Track) -> str:
    name = message.event
    if delivery.strict and name in _RESERVED:
        reason = f"is reserved at PostHog: send {_RESERVED[name]} instead"
        raise ValidationError.at("track.event", reason)
    if delivery.strict and len(name) > _TEXT_LIMIT_CHARACTERS:
        reason = f"must have at most {_TEXT_LIMIT_CHARACTERS} characters: PostHog cuts longer names"
        raise ValidationError.at("track.event", reason)
    return name


def _properties(
    delivery: Delivery[Message], names: Mapping[str, str], ids: JsonObject
) -> JsonObject:
    """Return the properties of a message, with some of its fields as further properties.

    Args:
        delivery: The message.
        names: The fields to add, and the names of their properties.
        ids: The property for an anonymous id beside the user id, if there is one.
    """
    properties = dict(getattr(delivery.message, "properties", None) or {})
    fields = {field: (names[field], value) for field, value in delivery.given(*names).items()}
    if ids:
        fields["anonymous_id"] = next(iter(ids.items()))
    for field, (name, value) in fields.items():
        if value is None or properties.setdefault(name, value) == value:
            continue
        if delivery.strict:
            path = f"{delivery.method}.properties.{name}"
            reason = (
                f"conflicts with {delivery.method}.{field}: PostHog has one property for both; "
                "remove one"
            )
            raise ValidationError.at(path, reason)
        delivery.left_out.add(field)
    return properties


def _timestamp(delivery: Delivery[Message]) -> JsonObject:
    text = delivery.message.timestamp
    if text is None or datetime.fromisoformat(text) - delivery.sent_at <= _FUTURE_LIMIT:
        return {} if text is None else {"timestamp": text}
    if delivery.strict:
        path = f"{delivery.method}.timestamp"
        reason = "must be at most 23 hours in the future: PostHog would replace it"
        raise ValidationError.at(path, reason)
    delivery.left_out.add("timestamp")
    return {}


def _is_of_anonymous_person(message: Message) -> bool:
    """Whether a message is an event without a user id, for which PostHog needs no profile."""
    return isinstance(message, (Track, Page, Screen)) and not is_filled(message.user_id)


def _merge(
    provider: CombinedFields,
    delivery: Delivery[Message],
    properties: JsonObject,
    name: str,
    values: JsonObject,
    *,
    paths: Mapping[str, str],
) -> None:
    """Add values to an object in the properties; values that the object already has remain.

    Args:
        provider: The provider, which refuses or leaves out values.
        delivery: The message.
        properties: The properties, which are changed.
        name: The key of the object.
        values: The values to add.
        paths: The complete paths of the values in the input.
    """
    if not values:
        return
    present = properties.get(name)
    if present is not None and not isinstance(present, dict):
        problem = FieldProblem(f"{delivery.method}.properties.{name}", "must be an object")
        provider.refuse_or_leave_out(delivery, [problem])
    properties[name] = provider.with_defaults(delivery, _object(present), values, "", paths)


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}
