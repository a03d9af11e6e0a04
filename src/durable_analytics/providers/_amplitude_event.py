"""The parts of an Amplitude event: fields from the context, user properties, and revenue."""

from collections.abc import Mapping
from typing import Any

from durable_analytics.errors import ValidationError
from durable_analytics.wire.field_types import is_number
from durable_analytics.wire.messages import JsonObject

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

CONTEXT_FIELDS = {
    "adid": "device.advertising_id",
    "app_version": "app.version",
    "carrier": "network.carrier",
    "city": "location.city",
    "country": "location.country",
    "device_brand": "device.brand",
    "device_id": "device.id",
    "device_manufacturer": "device.manufacturer",
    "device_model": "device.model",
    "group_id": "group_id",
    "idfa": "device.advertising_id",
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
