"""Amplitude in the stand-in: it accepts all events of a request or none, and lists bad events."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from durable_analytics.testing._received import Received, ReceivedMessage
from durable_analytics.testing._vendor import Reply, Vendor, whole_body
from durable_analytics.testing.authentication import any_of, basic, body
from durable_analytics.testing.messages import in_body
from durable_analytics.wire.messages import JsonObject

_LIMITS = {"/2/httpapi": (1_000_000, 30), "/batch": (20_000_000, 1000)}
"""The largest request in bytes, and the most events of a user or device that are accepted in a
request."""

_MOST_EVENTS = 2000
_DELETIONS = "/api/2/deletions/users"
_EMPTY = Reply(200, {})
_OTHER = {
    **dict.fromkeys(("/identify", "/groupidentify", "/usermap"), Reply(200, "success")),
    _DELETIONS: Reply(200, [{"day": "2026-01-31", "status": "staging", "amplitude_ids": []}]),
}
"""The responses of the other endpoints."""

_EVENTS = in_body("insert_id", items="events")

_BASIC = basic("api_key", "secret_key")
_API_KEY = any_of(body("api_key", "api_key"), _BASIC)


def _authorizes(request: Received, credentials: Mapping[str, str]) -> bool:
    check = _BASIC if request.path == _DELETIONS else _API_KEY
    return check(request, credentials)


def _answers(request: Received) -> Reply:
    return _answer_events(request) if request.path in _LIMITS else _OTHER.get(request.path, _EMPTY)


def _answer_events(request: Received) -> Reply:
    limit_bytes, most_per_user = _LIMITS[request.path]
    items = request.body.get("events") if isinstance(request.body, dict) else None
    if not isinstance(items, list) or not items:
        return Reply(400, {"code": 400, "error": "Missing request body", "missing_field": "events"})
    if len(request.content) > limit_bytes or len(items) > _MOST_EVENTS:
        return Reply(413, {"code": 413, "error": "Payload too large"})
    events = [item if isinstance(item, dict) else {} for item in items]
    if errors := _errors(events, _min_id_length(request.body)):
        return Reply(400, {"code": 400, "error": "Request has invalid events", **errors})
    if throttled := _throttled(events, most_per_user, request.seen):
        return Reply(429, {"code": 429, "eps_threshold": most_per_user, **throttled})
    return Reply(
        200,
        {
            "code": 200,
            "events_ingested": len(events),
            "payload_size_bytes": len(request.content),
            "server_upload_time": int(time.time() * 1000),
        },
    )


def _min_id_length(body: JsonObject) -> int:
    options = body.get("options")
    length = options.get("min_id_length") if isinstance(options, dict) else None
    return length if isinstance(length, int) else 5


def _errors(events: Sequence[JsonObject], min_id_length: int) -> JsonObject:
    """Return the indexes of invalid events, by the kind of error and by the field."""
    missing: dict[str, list[int]] = defaultdict(list)
    invalid: dict[str, list[int]] = defaultdict(list)
    short: dict[str, list[int]] = defaultdict(list)
    for index, event in enumerate(events):
        if not event.get("event_type"):
            missing["event_type"].append(index)
        if type(event.get("time", 0)) is not int:
            invalid["time"].append(index)
        ids = {n: event[n] for n in ("user_id", "device_id") if event.get(n) is not None}
        if not ids and not event.get("groups"):
            missing["user_id"].append(index)
        elif ids and all(len(str(value)) < min_id_length for value in ids.values()):
            short[next(iter(ids))].append(index)
    return {
        f"events_with_{name}": by_field
        for name, by_field in (
            ("missing_fields", missing),
            ("invalid_fields", invalid),
            ("invalid_id_lengths", short),
        )
        if by_field
    }


def _throttled(events: Sequence[JsonObject], most_per_user: int, seen: set[str]) -> JsonObject:
    """Return the surplus events of users and devices; they are accepted in the next request."""
    counts: Counter[str] = Counter()
    throttled: list[int] = []
    for index, event in enumerate(events):
        key = str(event.get("insert_id"))
        counts[_person_id(event)] += key not in seen
        if counts[_person_id(event)] > most_per_user:
            throttled.append(index)
            seen.add(key)
    if not throttled:
        return {}
    ids = [_person_id(events[index]) for index in throttled]
    users = {id_: counts[id_] for id_ in ids}
    return {
        "error": "Too many requests for some devices and users",
        "throttled_users": users,
        "throttled_devices": {},
        "throttled_events": throttled,
    }


def _person_id(event: JsonObject) -> str:
    return str(event.get("user_id") or event.get("device_id"))


def _messages(request: Received) -> Sequence[ReceivedMessage]:
    content: Any = request.body
    has_events = isinstance(content, dict) and "events" in content
    return _EVENTS(request) if has_events else whole_body(request)


VENDOR = Vendor(
    title="Amplitude",
    credentials={"api_key": "amplitude-api-key", "secret_key": "amplitude-secret-key"},
    authorizes=_authorizes,
    refuses=Reply(400, {"code": 400, "error": "Invalid API key: it is unknown"}),
    answers=_answers,
    messages=_messages,
    settings={"min_id_length": "1"},
    url_settings=("base_url", "privacy_url"),
)
