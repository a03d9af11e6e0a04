"""The OpenAPI document of the gateway's routes."""

from typing import Any

from durable_analytics.version import __version__
from gateway.routes import BEACON, MESSAGE_TYPES, PREFIXES, ROUTES, MessageRoute

Json = dict[str, Any]

_OBJECT = {"type": "object"}
_OPTIONAL_OBJECT = {"anyOf": [{"type": ["object", "null"]}, {"type": "array", "maxItems": 0}]}

_MESSAGE_FIELDS: Json = {
    "userId": {"description": "The person's id in your database."},
    "anonymousId": {"description": "An id for a person whose user id is not known."},
    "event": {"description": "For a track: the name of the action."},
    "properties": {"description": "Properties of the event, page or screen."},
    "traits": {"description": "Traits of the person or the group."},
    "name": {"description": "For a page or a screen: its name."},
    "category": {"description": "For a page or a screen: its category."},
    "groupId": {"description": "For a group: its id."},
    "previousId": {"description": "For an alias: the previous id of the person."},
    "messageId": {"description": "The same in each retry. Default: a random UUID."},
    "timestamp": {"description": "When the event happened, in ISO 8601. Default: now."},
    "context": {"description": "The context, as the Segment specification defines it."},
    "integrations": {"description": "Destinations to switch on or off."},
}
"""Without types: the worker reports what is wrong with a message; the response is 200."""

_REQUEST_FIELDS: Json = {
    "writeKey": {"description": "The write key, if no header has it."},
    "sentAt": {
        "description": "The time of sending by the sender's clock, in ISO 8601. "
        "The timestamps are corrected with it."
    },
}

_REASONS = {
    400: "The body is not a JSON object, or does not match its headers.",
    401: "The write key is missing or unknown.",
    403: "This source may not delete.",
    408: "The body did not arrive in time.",
    413: "Larger than the limits of the source.",
    415: "The content encoding is not supported.",
    429: "Too many requests from this source; see Retry-After.",
    503: "Temporal has not stored it: send it again; see Retry-After.",
}

_SERVERS = [{"url": prefix or "/"} for prefix in PREFIXES]

_HEADER_KEYS: list[Json] = [{"basic": []}, {"bearer": []}]
_QUERY_KEY: Json = {"query": []}
_BODY_KEY: Json = {}
"""The write key in the body, for which OpenAPI has no security scheme."""


def document() -> Json:
    """The document, which is the same for every source."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Durable Analytics",
            "version": __version__,
            "description": "Segment's HTTP API; a message is durable when the response is 200.",
        },
        "paths": {
            **{
                f"/{route.name}": {"servers": _SERVERS, "post": _message_operation(route)}
                for route in ROUTES
            },
            f"/{BEACON.name}": {"post": _message_operation(BEACON)},
            "/v1/pixel/{type}": {"get": _PIXEL},
            "/v1/users/{userId}": {"delete": _DELETE},
            "/v1/projects/{writeKey}/settings": {"get": _SDK_SETTINGS},
            "/sourceConfig": {"get": _SOURCE_CONFIG},
            "/health": {"get": _HEALTH},
            "/ready": {"get": _READY},
            "/openapi.json": {"get": _OPENAPI},
        },
        "components": {"schemas": _SCHEMAS, "securitySchemes": _SECURITY_SCHEMES},
    }


def _message_operation(route: MessageRoute) -> Json:
    is_single = route.message_type is not None
    schema = {"$ref": f"#/components/schemas/{'Message' if is_single else 'Batch'}"}
    return _operation(
        "post_" + ("beacon" if route is BEACON else route.name),
        f"Send one {route.message_type} message." if is_single else "Send messages, in order.",
        _responses("Temporal has it.", 400, 401, 408, 413, 415, 429, 503),
        security=[*_HEADER_KEYS, _QUERY_KEY, _BODY_KEY],
        requestBody={"required": True, "content": {"application/json": {"schema": schema}}},
    )


def _operation(operation_id: str, summary: str, responses: Json, **fields: Any) -> Json:
    return {"operationId": operation_id, "summary": summary, **fields, "responses": responses}


def _responses(success: str, *errors: int, content: Json | None = None) -> Json:
    schema = {"$ref": "#/components/schemas/Response"}
    default = {"application/json": {"schema": schema}}
    return {
        "200": {"description": success, "content": content or default},
        **{str(status): {"description": _REASONS[status], "content": default} for status in errors},
    }


def _path_parameter(name: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": schema}


_JSON_CONTENT = {"application/json": {"schema": _OBJECT}}

_NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]+$"

_DELETE = _operation(
    "delete_user",
    "Suppress a person, and delete their stored data.",
    _responses("Temporal has it.", 400, 401, 403, 429, 503),
    security=_HEADER_KEYS,
    parameters=[_path_parameter("userId", {"type": "string", "pattern": _NO_CONTROL_CHARACTERS})],
)

_PIXEL = _operation(
    "pixel",
    "Send one message in the URL of an image.",
    _responses(
        "Temporal has it; the response is a GIF of one pixel.",
        *(400, 401, 413, 429, 503),
        content={"image/gif": {"schema": {}}},
    ),
    security=[_QUERY_KEY, _BODY_KEY],
    parameters=[
        _path_parameter("type", {"enum": list(MESSAGE_TYPES)}),
        {
            "name": "data",
            "in": "query",
            "required": True,
            "description": "The body, a JSON object, in base64 with either alphabet.",
            "schema": {"type": "string", "contentEncoding": "base64"},
        },
    ],
)

_SDK_SETTINGS = _operation(
    "sdk_settings",
    "Get the configuration of Segment's browser SDK.",
    _responses("Segment's format.", 400, 401, content=_JSON_CONTENT),
    parameters=[_path_parameter("writeKey", {"type": "string", "pattern": "^[!-.0-~]+$"})],
)

_SOURCE_CONFIG = _operation(
    "source_config",
    "Get the configuration of RudderStack's SDKs.",
    _responses("RudderStack's format.", 400, 401, content=_JSON_CONTENT),
    security=[*_HEADER_KEYS, _QUERY_KEY],
)

_HEALTH = _operation("health", "Check that this process is running.", _responses("It is running."))

_READY = _operation(
    "ready", "Check that Temporal accepts messages.", _responses("It accepts messages.", 503)
)

_OPENAPI = _operation(
    "openapi", "Get this document.", _responses("OpenAPI 3.1.", content=_JSON_CONTENT)
)

_SCHEMAS: Json = {
    "Message": {**_OBJECT, "properties": {**_MESSAGE_FIELDS, **_REQUEST_FIELDS}},
    "Batch": {
        **_OBJECT,
        "properties": {
            "batch": {
                "type": "array",
                "description": "The messages, in order, each with its type.",
                "items": {
                    "properties": {
                        "type": {"description": f"One of {', '.join(MESSAGE_TYPES)}."},
                        **_MESSAGE_FIELDS,
                    }
                },
            },
            "context": {
                "description": "Context added to every message; left out if it is not an object."
            },
            "integrations": {
                **_OPTIONAL_OBJECT,
                "description": "Destinations to switch on or off for every message.",
            },
            **_REQUEST_FIELDS,
        },
        "required": ["batch"],
    },
    "Response": {
        **_OBJECT,
        "properties": {
            "success": {"type": "boolean"},
            "code": {"type": "string"},
            "message": {"type": "string"},
        },
        "required": ["success"],
    },
}

_SECURITY_SCHEMES: Json = {
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The write key as the user name, without a password.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The write key."},
    "query": {
        "type": "apiKey",
        "in": "query",
        "name": "writeKey",
        "description": "The write key, if neither a header nor the body has it.",
    },
}
