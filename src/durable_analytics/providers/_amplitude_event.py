"""The parts of an Amplitude event: fields from the context, user properties, and revenue."""

import re
from collections.abc import Mapping
from typing import Any

from durable_analytics.errors import ValidationError
from durable_analytics.providers._unsupported_fields import ContextPaths
from durable_analytics.wire.field_types import is_number
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.timestamps import milliseconds, to_timestamp

CAMPAIGN_PROPERTIES = {
    "utm_source": "campaign.source",
    "utm_medium": "campaign.medium",
    "utm_campaign": "campaign.name",
    "utm_term": "campaign.term",
    "utm_content": "campaign.content",
    "referrer": "page.referrer",
}
"""User properties, and their paths in the context. The properties `initial_…` keep the first
campaign of a user, and these keep the last one."""

_ADVERTISING_ID = ("device.advertising_id", "device.idfa")

CONTEXT_FIELDS: ContextPaths = {
    "adid": _ADVERTISING_ID,
    "app_version": "app.version",
    "carrier": "network.carrier",
    "city": "location.city",
    "country": "location.country",
    "device_brand": "device.brand",
    "device_id": "device.id",
    "device_manufacturer": "device.manufacturer",
    "device_model": "device.model",
    "group_id": "group_id",
    "idfa": _ADVERTISING_ID,
    "idfv": "device.id",
    "ip": "ip",
    "language": "locale",
    "library": "library.name",
    "location_lat": "location.latitude",
    "location_lng": "location.longitude",
    "os_name": "os.name",
    "os_version": "os.version",
    "platform": "device.type",
    "region": "location.region",
    "traits": "traits",
    "user_agent": "user_agent",
    **CAMPAIGN_PROPERTIES,
}
"""The fields of an event, and their paths in the context."""

_SEGMENT_NAMES = frozenset({"actions amplitude", "amplitude"})
"""The names of Segment's two integrations with Amplitude, in lower case."""

_SESSION_KEYS = ("session_id", "sessionId")

_DIGITS = re.compile(r"\d{1,18}", re.ASCII)

_PLATFORMS = {"ios": "iOS", "android": "Android"}

_OPERATIONS = frozenset(
    {
        "$add",
        "$append",
        "$clearAll",
        "$postInsert",
        "$preInsert",
        "$prepend",
        "$remove",
        "$set",
        "$setOnce",
        "$unset",
    }
)
"""The operations that change user and group properties."""

RESERVED_EVENTS = frozenset(
    {
        "$identify",
        "$groupidentify",
        "[Amplitude] Start Session",
        "[Amplitude] End Session",
        "[Amplitude] Revenue",
        "[Amplitude] Revenue (Verified)",
        "[Amplitude] Revenue (Unverified)",
        "[Amplitude] Merged User",
    }
)
"""The event types that Amplitude uses for its own purposes."""

_UNSET_VALUE = "-"
"""The value of the properties in `$unset`, as Amplitude's SDKs send it."""


def normalise_platform(fields: JsonObject) -> JsonObject:
    """Return the fields with the platform in the spelling of Amplitude's SDKs."""
    platform = fields.get("platform")
    if isinstance(platform, str):
        return {**fields, "platform": _PLATFORMS.get(platform.lower(), platform)}
    return {**fields, "platform": "Web"} if fields.get("library") == "analytics.js" else fields


def property_operations(
    path: str, properties: JsonObject, campaign: Mapping[str, Any]
) -> JsonObject:
    """Return the operations that set properties, and that remove properties whose value is null.

    Args:
        path: The path of the properties in the input, like "identify.traits".
        properties: The properties, or Amplitude's operations, such as `$add`, which stay unchanged.
        campaign: Properties of the current campaign; they are also set once as `initial_…`.

    Raises:
        ValidationError: There are operations and properties beside each other.
    """
    if any(name in _OPERATIONS for name in properties):
        if others := sorted(properties.keys() - _OPERATIONS):
            raise ValidationError.at(
                f"{path}.{others[0]}",
                "cannot be sent beside operations such as $add at Amplitude: move it into $set",
            )
        operations = dict(properties)
    else:
        operations = {
            "$set": {name: value for name, value in properties.items() if value is not None},
            "$unset": {name: _UNSET_VALUE for name, value in properties.items() if value is None},
        }
    initial = {f"initial_{name}": value for name, value in campaign.items()}
    for operation, added in (("$set", campaign), ("$setOnce", initial)):
        own = operations.get(operation) or {}
        if added and isinstance(own, dict):
            operations[operation] = {**added, **own}
    return {operation: values for operation, values in operations.items() if values != {}}


def take_campaign(fields: JsonObject) -> JsonObject:
    """Remove the properties of the campaign from the fields of a context, and return them.

    An empty text is not returned: a browser sends it as the referrer of a direct visit, and
    `initial_referrer` would keep it for ever.
    """
    campaign = {name: fields.pop(name) for name in CAMPAIGN_PROPERTIES if name in fields}
    return {name: value for name, value in campaign.items() if value != ""}


def find_session_id(integrations: Any) -> tuple[str, Any]:
    """Return the session id that Segment's SDKs put into `integrations`.

    Returns:
        Its path in `integrations`, like "Actions Amplitude.session_id"; and the id, or None.
    """
    options = integrations if isinstance(integrations, dict) else {}
    for name, values in options.items():
        if name.casefold() in _SEGMENT_NAMES and isinstance(values, dict):
            for key in _SESSION_KEYS:
                if values.get(key) is not None:
                    return f"{name}.{key}", values[key]
    return "", None


def parse_session_id(value: Any) -> int | None:
    """Return the start of a session in milliseconds since 1970; None if the value is no time."""
    if is_number(value):
        return int(value)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    time = to_timestamp(value) if isinstance(value, str) else None
    return None if time is None else milliseconds(time)


def revenue_fields(properties: JsonObject) -> JsonObject:
    """Return the fields by which Amplitude counts an event as revenue; none without revenue.

    They do not include `price` and `quantity`: Amplitude would then ignore `revenue` and multiply
    these, which is wrong for an order with several products.
    """
    amount = properties.get("revenue")
    if not is_number(amount) or not amount:
        return {}
    product = properties.get("product_id", properties.get("productId"))
    kind = properties.get("revenue_type", properties.get("revenueType"))
    return {
        "revenue": amount,
        "revenueType": "Purchase" if kind is None else kind,
        "productId": product,
        "currency": properties.get("currency"),
    }
