"""The OpenAPI document: what the routes take and answer."""

from typing import Any

from durable_analytics.version import __version__
from gateway.messages import CALLS, TYPES

Json = dict[str, Any]

_OBJECT = {"type": "object"}
_OBJECT_OR_NOTHING = {"anyOf": [{"type": ["object", "null"]}, {"type": "array", "maxItems": 0}]}

_FIELDS: Json = {
    "userId": {"description": "The person's id in your database."},
    "anonymousId": {"description": "An id for somebody not yet known."},
    "event": {"description": "Of a track: what somebody did."},
    "properties": {"description": "What is known of the event, the page or the screen."},
    "traits": {"description": "What is known of the person or the group."},
    "name": {"description": "Of a page or a screen."},
    "category": {"description": "Of a page or a screen."},
    "groupId": {"description": "Of a group."},
    "previousId": {"description": "Of an alias: the id so far."},
    "messageId": {"description": "The same when it is sent again. Made up when absent."},
    "timestamp": {"description": "When it happened; ISO 8601. Now when absent."},
    "context": {"description": "The surroundings, after the Segment specification."},
    "integrations": {"description": "Destinations to switch on or off."},
}
"""Without types: what is wrong with a message, its execution tells, and the answer is 200."""

_TYPE = {"description": f"One of {', '.join(TYPES)}."}

_REQUEST: Json = {
    "writeKey": {"description": "Where no header carries it."},
    "sentAt": {"description": "Now, by the sender's clock; ISO 8601. It corrects the timestamps."},
}

_WHY = {
    400: "The body is not a JSON object, or not what its headers say.",
    401: "The write key is missing or unknown.",
    403: "This source may not delete.",
    408: "The body did not arrive in time.",
    413: "Larger than the limits of the source.",
    415: "The content encoding is unknown.",
    429: "More requests than the source may send; see Retry-After.",
    503: "Temporal has not stored it: send it again; see Retry-After.",
}

_ANSWER = {"$ref": "#/components/schemas/Answer"}


def document() -> Json:
    """The document, for one write key as for another."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Durable Analytics",
            "version": __version__,
            "description": "Segment's HTTP API; a message is durable when the answer is 200.",
        },
        "paths": {
            **{f"/{name}": _call(name, type_) for name, type_ in CALLS.items()},
            "/v1/users/{userId}": {"delete": _DELETE},
            "/v1/projects/{writeKey}/settings": {"get": _SDK_SETTINGS},
            "/health": {"get": _get("health", "Whether this process is up.")},
            "/ready": {"get": _get("ready", "Whether Temporal is within reach.", 503)},
            "/openapi.json": {"get": _OPENAPI},
        },
        "components": {
            "schemas": {
                "Message": {**_OBJECT, "properties": {**_FIELDS, **_REQUEST}},
                "Batch": {
                    **_OBJECT,
                    "properties": {
                        "batch": {
                            "type": "array",
                            "description": "Messages, each with its type.",
                            "items": {"properties": {"type": _TYPE, **_FIELDS}},
                        },
                        "context": _OBJECT_OR_NOTHING,
                        "integrations": _OBJECT_OR_NOTHING,
                        **_REQUEST,
                    },
                    "required": ["batch"],
                },
                "Answer": {
                    **_OBJECT,
                    "properties": {
                        "success": {"type": "boolean"},
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                    },
                    "required": ["success"],
                },
            },
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The write key as the user name, and no password.",
                },
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The write key.",
                },
            },
        },
    }


_SERVERS = [{"url": "/v1"}, {"url": "/"}, {"url": "/backend/v1"}]
"""Before a call: Segment's and RudderStack's, a browser's, and journy.io's."""


def _call(name: str, type_: str | None) -> Json:
    schema = "Message" if type_ else "Batch"
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    post = {
        "operationId": f"post_{name}",
        "summary": f"One message: {type_}." if type_ else "Many messages, in order.",
        # The last: the write key stands in the body.
        "security": [{"basic": []}, {"bearer": []}, {}],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": _answers("Temporal has it.", 400, 401, 408, 413, 415, 429, 503),
    }
    return {"servers": _SERVERS, "post": post}


_PATH_PARAMETER = {"in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _answers(told: str, *others: int) -> Json:
    content = {"content": {"application/json": {"schema": _ANSWER}}}
    return {
        "200": {"description": told, **content},
        **{str(status): {"description": _WHY[status], **content} for status in others},
    }


def _get(name: str, told: str, *others: int) -> Json:
    return {"operationId": name, "summary": told, "responses": _answers("Yes.", *others)}


_DELETE: Json = {
    "operationId": "delete_user",
    "summary": "Suppress a person, and delete what is stored of them.",
    "security": [{"basic": []}, {"bearer": []}],
    "parameters": [{"name": "userId", **_PATH_PARAMETER}],
    "responses": _answers("Temporal has it.", 400, 401, 403, 429, 503),
}

_JSON = {"content": {"application/json": {"schema": _OBJECT}}}

_SDK_SETTINGS: Json = {
    "operationId": "sdk_settings",
    "summary": "What the SDK in a browser starts with.",
    "parameters": [{"name": "writeKey", **_PATH_PARAMETER}],
    "responses": {**_answers("", 401), "200": {"description": "Segment's own form.", **_JSON}},
}

_OPENAPI: Json = {
    "operationId": "openapi",
    "summary": "This document.",
    "responses": {"200": {"description": "OpenAPI 3.1.", **_JSON}},
}
