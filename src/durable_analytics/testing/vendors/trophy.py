"""Trophy in the stand-in: it counts an event of a metric once for each idempotency key."""

from urllib.parse import unquote

from durable_analytics.testing._received import Received
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.authentication import header
from durable_analytics.testing.messages import id_in_header
from durable_analytics.wire.messages import JsonObject

_EVENT: JsonObject = {
    "eventId": "stand-in",
    "metricId": "stand-in",
    "total": 0,
    "achievements": [],
    "currentStreak": {"length": 0, "frequency": "daily", "extended": False},
    "points": {},
    "leaderboards": {},
}
_USER: JsonObject = {
    "subscribeToEmails": False,
    "attributes": {},
    "control": False,
    "created": "2026-01-01T00:00:00.000Z",
    "updated": "2026-01-01T00:00:00.000Z",
}
"""The fields of a response that Trophy's own clients need."""


def _answers(request: Received) -> Reply:
    segments = request.path.strip("/").split("/")
    body = request.body if isinstance(request.body, dict) else {}
    if segments[0] == "metrics" and request.method == "POST":
        user = body.get("user")
        key = request.headers.get("idempotency-key")
        event_id = f"{segments[1:2]} {user.get('id') if isinstance(user, dict) else None} {key}"
        is_repeated = key is not None and event_id in request.seen
        request.seen.add(event_id)
        event = {"idempotencyKey": key, "idempotentReplayed": is_repeated}
        return Reply(202 if is_repeated else 201, {**_EVENT, **event})
    if segments[0] == "users":
        is_new = request.method == "POST"
        user_id = body.get("id") if is_new else unquote("/".join(segments[1:]))
        return Reply(201 if is_new else 200, {**_USER, **body, "id": user_id})
    return Reply(200, {})


VENDOR = Vendor(
    title="Trophy",
    credentials={"api_key": "trophy-api-key"},
    authorizes=header("x-api-key", "api_key"),
    refuses=Reply(401, {"error": "Invalid API key"}),
    answers=_answers,
    messages=id_in_header("idempotency-key"),
    secret_headers=("x-api-key",),
)
