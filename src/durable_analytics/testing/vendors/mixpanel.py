"""Mixpanel in the stand-in: an import lists the bad events, and accepts the others."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from durable_analytics.testing._received import Received, ReceivedMessage, parse_body
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.authentication import any_of, basic, bearer
from durable_analytics.testing.messages import in_body
from durable_analytics.wire.messages import JsonObject

_PROJECT_ID = "2195193"
_IMPORT_LIMIT_BYTES = 10_000_000
_MOST_ITEMS = 2000
_EARLIEST_MILLISECONDS = 365 * 86_400_000
"""The start of 1971."""

_HOUR_MILLISECONDS = 3_600_000
_INSERT_ID = re.compile(r"[A-Za-z0-9-]{1,36}", re.ASCII)
_PLACEHOLDERS = {"anon", "anonymous", "nil", "none", "null", "n/a", "na", "undefined", "unknown"}

_SERVICE_ACCOUNT = basic("service_account_username", "service_account_secret")
_TOKEN_AS_USER = basic("project_token")
_GDPR = bearer("gdpr_token")


def _authorizes(request: Received, credentials: Mapping[str, str]) -> bool:
    token = credentials["project_token"]
    match request.path:
        case "/import":
            has_project_id = request.query.get("project_id") == _PROJECT_ID
            return _TOKEN_AS_USER(request, credentials) or (
                has_project_id and _SERVICE_ACCOUNT(request, credentials)
            )
        case "/engage" | "/groups":
            return all(item.get("$token") == token for item in _objects(request))
        case "/track":
            return all(_properties(item).get("token") == token for item in _objects(request))
        case path if path.startswith("/api/app/data-deletions/"):
            return request.query.get("token") == token and _GDPR(request, credentials)
        case _:
            return any_of(_SERVICE_ACCOUNT, _TOKEN_AS_USER)(request, credentials)


def _answers(request: Received) -> Reply:
    match request.path:
        case "/import":
            return _import(request)
        case "/engage" | "/groups" | "/track":
            error = next(filter(None, map(_update_error, _items(request))), "")
            refused = range(len(_items(request))) if error else None
            return Reply(200, {"status": 0 if error else 1, "error": error}, not_accepted=refused)
        case path if path.startswith("/api/app/data-deletions/"):
            return Reply(200, {"status": "ok", "results": {"task_id": "1"}})
        case _:
            return Reply(200, {})


def _import(request: Received) -> Reply:
    items = _items(request)
    if len(request.content) > _IMPORT_LIMIT_BYTES or len(items) > _MOST_ITEMS:
        return Reply(413, {"code": 413, "error": "request exceeds the limit", "status": "Error"})
    records = [
        {
            "index": index,
            "insert_id": str(_properties(item).get("$insert_id", "")),
            "field": field,
            "message": f"'{field}' is invalid",
        }
        for index, item in enumerate(items)
        if (field := _invalid_field(item))
    ]
    count = len(items) - len(records)
    if not records or request.query.get("strict") != "1":
        return Reply(200, {"code": 200, "num_records_imported": count, "status": "OK"})
    return Reply(
        400,
        {
            "code": 400,
            "error": "some data points in the request failed validation",
            "failed_records": records,
            "num_records_imported": count,
            "status": "Bad Request",
        },
        not_accepted=[index for index, item in enumerate(items) if _invalid_field(item)],
    )


def _invalid_field(item: Any) -> str:
    """Return the invalid field of an event; "" if the event is valid."""
    properties = _properties(item)
    if not (isinstance(item, dict) and item.get("event")):
        return "event"
    if len(properties) > 254:
        return "properties"
    event_time, id_ = properties.get("time"), properties.get("distinct_id")
    latest = time.time() * 1000 + _HOUR_MILLISECONDS
    if type(event_time) is not int or not _EARLIEST_MILLISECONDS <= event_time <= latest:
        return "properties.time"
    if not isinstance(id_, str) or id_.lower() in _PLACEHOLDERS:
        return "properties.distinct_id"
    insert_id = properties.get("$insert_id")
    is_valid = isinstance(insert_id, str) and _INSERT_ID.fullmatch(insert_id)
    return "" if is_valid else "properties.$insert_id"


def _update_error(item: Any) -> str:
    """Return Mixpanel's error for a profile update or an alias; "" if it is valid."""
    if not isinstance(item, dict):
        return "data, not an object"
    required = {"$distinct_id", "$group_id"} if "event" not in item else {"event"}
    return "" if required & item.keys() else "data, missing or empty $distinct_id"


def _items(request: Received) -> list[Any]:
    """Return the items in a JSON array, or in a form of Mixpanel's SDKs."""
    body = request.body
    if isinstance(body, dict) and isinstance(body.get("data"), str):
        body = parse_body(body["data"].encode())
    return body if isinstance(body, list) else [body]


def _objects(request: Received) -> list[JsonObject]:
    return [item if isinstance(item, dict) else {} for item in _items(request)] or [{}]


def _properties(item: Any) -> JsonObject:
    properties = item.get("properties") if isinstance(item, dict) else None
    return properties if isinstance(properties, dict) else {}


def _messages(request: Received) -> Sequence[ReceivedMessage]:
    return in_body("properties.$insert_id")(replace(request, body=_items(request)))


VENDOR = Vendor(
    title="Mixpanel",
    credentials={
        "project_token": "mixpanel-project-token",
        "service_account_username": "mixpanel-service-account",
        "service_account_secret": "mixpanel-service-account-secret",
        "gdpr_token": "mixpanel-gdpr-token",
    },
    authorizes=_authorizes,
    refuses=Reply(401, {"code": 401, "error": "Unauthorized", "status": "Error"}),
    answers=_answers,
    messages=_messages,
    settings={"project_id": _PROJECT_ID},
    url_settings=("base_url", "app_url"),
)
