"""Mixpanel's names of event properties and profile properties, and profile updates."""

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers._unsupported_fields import ContextPaths
from durable_analytics.wire.messages import JsonObject

CONTEXT_PROPERTIES: ContextPaths = {
    "$app_build_number": "app.build",
    "$app_name": "app.name",
    "$app_namespace": "app.namespace",
    "$app_version_string": "app.version",
    "$bitness": "user_agent_data.bitness",
    "$bluetooth_enabled": "network.bluetooth",
    "$carrier": "network.carrier",
    "$cellular_enabled": "network.cellular",
    "$current_url": "page.url",
    "$device": "device.name",
    "$device_name": "device.name",
    "$device_type": "device.type",
    "$ios_ifa": ("device.advertising_id", "device.idfa"),
    "$lib_version": "library.version",
    "$locale": "locale",
    "$manufacturer": "device.manufacturer",
    "$mobile": "user_agent_data.mobile",
    "$model": "device.model",
    "$os": "os.name",
    "$os_version": "os.version",
    "$platform": "user_agent_data.platform",
    "$platformVersion": "user_agent_data.platform_version",
    "$referrer": "page.referrer",
    "$region": "location.region",
    "$screen_density": "screen.density",
    "$screen_height": "screen.height",
    "$screen_width": "screen.width",
    "$uaFullVersion": "user_agent_data.ua_full_version",
    "$wifi_enabled": "network.wifi",
    "$wow64": "user_agent_data.wow_64",  # as `to_snake` spells "wow64"
    "ad_tracking_enabled": "device.ad_tracking_enabled",
    "advertising_id": "device.advertising_id",
    "app_platform": "app.platform",
    "group_id": "group_id",
    "ip": "ip",
    "mp_country_code": "location.country",
    "mp_lib": "library.name",
    "timezone": "timezone",
    "user_agent": "user_agent",
    "utm_campaign": "campaign.name",
    "utm_content": "campaign.content",
    "utm_medium": "campaign.medium",
    "utm_source": "campaign.source",
    "utm_term": "campaign.term",
}
"""Properties of an event, and their paths in the context."""

RESERVED_PROPERTIES = frozenset(
    {"$device_id", "$insert_id", "$user_id", "distinct_id", "time", "token"}
)
"""The properties of an event that this provider sets: callers cannot set them."""

_CREATED = {"created": "$created", "created_at": "$created"}

USER_PROPERTIES = _CREATED | {
    name: f"${name}"
    for name in ("avatar", "email", "first_name", "last_name", "name", "phone", "username")
}
GROUP_PROPERTIES = _CREATED | {"name": "$name"}
"""The reserved profile properties of users and groups at Mixpanel, by the name of the trait."""


def profile_update(
    delivery: Delivery[Any], traits: JsonObject, names: Mapping[str, str]
) -> JsonObject:
    """Return the update that sets traits, or removes them if all of them are null.

    Args:
        delivery: The message.
        traits: The traits, with the names of the caller.
        names: `USER_PROPERTIES` or `GROUP_PROPERTIES`.

    Raises:
        ValidationError: The input is strict and some of the traits are null: an update of Mixpanel
            either sets or removes properties.
    """
    nulls = [name for name, value in traits.items() if value is None]
    properties = _renamed(delivery, traits, names)
    if nulls and len(nulls) == len(traits):
        return {"$unset": [*properties]}
    if nulls and delivery.strict:
        raise ValidationError.of(
            FieldProblem(
                f"{delivery.method}.traits.{name}",
                "cannot be null beside other values at Mixpanel: remove it with another message "
                "whose traits are all null",
            )
            for name in nulls
        )
    delivery.left_out.update(f"traits.{name}" for name in nulls)
    values = {name: value for name, value in properties.items() if value is not None}
    full_name = [values.get("$first_name"), values.get("$last_name")]
    is_user = names is USER_PROPERTIES
    if is_user and "$name" not in values and all(isinstance(part, str) for part in full_name):
        values["$name"] = " ".join(map(str, full_name))
    return {"$set": values}


def _renamed(delivery: Delivery[Any], traits: JsonObject, names: Mapping[str, str]) -> JsonObject:
    """Return the traits with Mixpanel's names.

    Traits that already have a name of Mixpanel come last, so that they replace the others, which
    are reported as left out.
    """
    both_spellings = {to_camel(name): property_ for name, property_ in names.items()} | {**names}
    properties: JsonObject = {}
    sources: dict[str, str] = {}
    for name in sorted(traits, key=lambda name: name.startswith("$")):
        property_ = both_spellings.get(name, name)
        if properties.get(property_, traits[name]) != traits[name]:
            delivery.left_out.add(f"traits.{sources[property_]}")
        properties[property_], sources[property_] = traits[name], name
    return properties
