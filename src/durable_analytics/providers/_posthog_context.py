"""The context of a message as properties of a PostHog event.

Source: the default properties that PostHog's browser and mobile SDKs set.
"""

from collections.abc import Mapping

from pydantic.alias_generators import to_camel

from durable_analytics.wire.messages import Context, JsonObject

_PROPERTIES_OF_FIELDS: Mapping[str, str] = {
    "ip": "$ip",
    "locale": "$locale",
    "timezone": "$timezone",
    "user_agent": "$raw_user_agent",
}
"""Fields of the context that are not objects, and their properties."""

_PROPERTIES_OF_OBJECTS: Mapping[str, Mapping[str, str]] = {
    "app": {name: f"$app_{name}" for name in ("build", "name", "namespace", "version")},
    "campaign": {name: f"utm_{name}" for name in ("content", "medium", "source", "term")}
    | {"name": "utm_campaign"},
    "device": {name: f"$device_{name}" for name in ("id", "manufacturer", "model", "name", "type")},
    "library": {"name": "$lib", "version": "$lib_version"},
    "network": {name: f"$network_{name}" for name in ("carrier", "cellular", "wifi")},
    "os": {"name": "$os", "version": "$os_version"},
    "page": {"path": "$pathname", "referrer": "$referrer", "title": "title", "url": "$current_url"},
    "screen": {name: f"$screen_{name}" for name in ("height", "width")},
}
"""Objects of the context, and the properties of their fields."""

_SNAKE_CASE_NAMES = {to_camel(name): name for name in Context.model_fields}


PATHS_OF_PROPERTIES = {
    "context": "context",
    **{name: f"context.{field}" for field, name in _PROPERTIES_OF_FIELDS.items()},
    **{
        name: f"context.{field}.{key}"
        for field, names in _PROPERTIES_OF_OBJECTS.items()
        for key, name in names.items()
    },
}
"""The properties of a context, and their paths in the input."""


def context_fields(context: JsonObject) -> tuple[JsonObject, list[str]]:
    """Return the fields of a context that are not null, with names in snake_case.

    Returns:
        The fields; and the names that are another spelling of a field with another value.
    """
    fields: JsonObject = {}
    repeated: list[str] = []
    for name, value in context.items():
        known_name = _SNAKE_CASE_NAMES.get(name, name)
        if value is not None and fields.setdefault(known_name, value) != value:
            repeated.append(name)
    return fields, repeated


def context_properties(context: JsonObject) -> JsonObject:
    """Return the properties of a context.

    Args:
        context: The fields that `context_fields` returned.

    Returns:
        PostHog's default properties, and the other fields in the property `context`. The group id
        and the traits are not included: they are not properties of an event.
    """
    properties: JsonObject = {}
    other_fields: JsonObject = {}
    for field, value in context.items():
        if field in _PROPERTIES_OF_FIELDS:
            properties[_PROPERTIES_OF_FIELDS[field]] = value
        elif field in _PROPERTIES_OF_OBJECTS and isinstance(value, dict):
            names = _PROPERTIES_OF_OBJECTS[field]
            properties |= {names[key]: item for key, item in value.items() if key in names}
            if others := {key: item for key, item in value.items() if key not in names}:
                other_fields[field] = others
        elif not (field == "group_id" and value) and not (
            field == "traits" and isinstance(value, dict)
        ):
            other_fields[field] = value
    return {**properties, "context": other_fields} if other_fields else properties
