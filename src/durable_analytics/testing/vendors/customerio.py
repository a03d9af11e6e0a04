"""Customer.io in the stand-in: the Track API v2, which checks each operation of a batch."""

import re
from collections.abc import Iterator
from typing import Any

from durable_analytics.testing._received import Received
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.authentication import basic
from durable_analytics.testing.messages import in_body
from durable_analytics.wire.messages import JsonObject

_ENTITY_LIMIT_BYTES = 32 * 1024
_BATCH_LIMIT_BYTES = 500 * 1000
"""32 KB for each operation and 500 KB for a batch (Track API limits)."""

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")

_EVENTS = ("event", "page", "screen")
_ACTIONS = {
    "person": ("identify", "delete", "suppress", "unsuppress", "merge", *_EVENTS),
    "object": ("identify", "identify_anonymous", "delete"),
}
_IDENTIFIERS = {
    "person": {"id", "email", "cio_id"},
    "object": {"object_type_id", "object_id"},
}


def _problem(operation: Any) -> JsonObject | None:
    """Return Customer.io's error for an operation; None if the operation is valid."""
    if not isinstance(operation, dict):
        return _error("invalid", "", "must be an object")
    return next(_problems(operation), None)


def _problems(operation: JsonObject) -> Iterator[JsonObject]:
    type_, action = str(operation.get("type")), operation.get("action")
    if action not in _ACTIONS.get(type_, ()):
        yield _error("invalid", "action", "type or action is unknown")
    if action == "merge":
        missing = [name for name in ("primary", "secondary") if not operation.get(name)]
        yield from (_error("required", name, f"{name} is required") for name in missing)
        return
    allowed = _IDENTIFIERS.get(type_, set()) | ({"anonymous_id"} if action in _EVENTS else set())
    identifiers = operation.get("identifiers")
    if not isinstance(identifiers, dict) or not identifiers or identifiers.keys() - allowed:
        yield _error("required", "identifiers", "identifiers are required")
    if action in _EVENTS and not operation.get("name"):
        yield _error("required", "name", "name is required")
    if "id" in operation and not _ULID.fullmatch(str(operation["id"])):
        yield _error("invalid", "id", "id must be a ULID")
    if not isinstance(operation.get("timestamp", 0), int):
        yield _error("invalid", "timestamp", "timestamp must be in Unix seconds")


def _error(reason: str, field: str, message: str) -> JsonObject:
    return {"reason": reason, "field": field, "message": message}


def _answers(request: Received) -> Reply:
    body = request.body
    if request.path == "/api/v2/batch":
        operations = body.get("batch") if isinstance(body, dict) else None
        if not isinstance(operations, list) or len(request.content) > _BATCH_LIMIT_BYTES:
            return Reply(400, {"errors": [_error("invalid", "batch", "batch is invalid")]})
        problems = [_problem(operation) for operation in operations]
        errors = [{"batch_index": i, **error} for i, error in enumerate(problems) if error]
        if errors:
            refused = [error["batch_index"] for error in errors]
            return Reply(207, {"errors": errors}, not_accepted=refused)
    if request.path == "/api/v2/entity":
        if len(request.content) > _ENTITY_LIMIT_BYTES:
            return Reply(400, {"errors": [_error("invalid", "body", "payload too large")]})
        if problem := _problem(body):
            return Reply(400, {"errors": [problem]})
    return Reply(200, {})


VENDOR = Vendor(
    title="Customer.io",
    credentials={"site_id": "customerio-site-id", "api_key": "customerio-api-key"},
    authorizes=basic("site_id", "api_key"),
    refuses=Reply(401, {"meta": {"error": "Unauthorized request"}}),
    answers=_answers,
    messages=in_body("id", items="batch"),
)
