"""PostHog in the stand-in: the capture API, and the private API with a personal API key."""

from typing import Any
from uuid import UUID

from durable_analytics.testing._received import Received
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.authentication import bearer, body
from durable_analytics.testing.messages import in_body

_EVENT_LIMIT_BYTES = 2 * 1024 * 1024
_BATCH_LIMIT_BYTES = 20 * 1024 * 1024
"""The largest bodies at the endpoints for one event and for batches."""

_PROJECT_KEY = body("api_key", "project_api_key")
_PERSONAL_KEY = bearer("personal_api_key")


def _authorizes(request: Received, credentials: Any) -> bool:
    if request.path.startswith("/api/"):
        return _PERSONAL_KEY(request, credentials)
    # The capture API has only public data to read.
    return request.method == "GET" or _PROJECT_KEY(request, credentials)


def _answers(request: Received) -> Reply:
    if request.path.endswith("/persons/bulk_delete/"):
        return Reply(202, {"persons_found": 1, "persons_deleted": 1, "deletion_errors": []})
    if request.path.endswith("/annotations/"):
        return Reply(201, {"id": 1})
    if request.path.strip("/") not in ("i/v0/e", "batch"):
        return Reply(200, {})
    is_batch = request.path.startswith("/batch")
    if len(request.content) > (_BATCH_LIMIT_BYTES if is_batch else _EVENT_LIMIT_BYTES):
        return Reply(413, "length limit exceeded")
    events = request.body.get("batch") if is_batch else [request.body]
    if not isinstance(events, list) or not events:
        return Reply(400, "request holds no event")
    # If one event is invalid, PostHog refuses the whole batch.
    return next(filter(None, map(_error_response, events)), Reply(200, {"status": "Ok"}))


def _error_response(event: Any) -> Reply | None:
    """Return the response to an invalid event; None if the event is valid."""
    if not isinstance(event, dict) or not isinstance(event.get("properties"), dict):
        return Reply(400, "failed to parse request")
    if not event.get("event"):
        return Reply(400, "event submitted with an empty event name")
    if not event.get("distinct_id"):
        return Reply(400, "event submitted without a distinct_id")
    try:
        UUID(event.get("uuid", ""))
    except ValueError:
        return Reply(400, "failed to parse request: UUID parsing failed")
    return None


VENDOR = Vendor(
    title="PostHog",
    credentials={
        "project_api_key": "phc_stand_in_project_key",
        "personal_api_key": "phx_stand_in_personal_key",
    },
    settings={"project_id": "17"},
    authorizes=_authorizes,
    refuses=Reply(401, {"type": "authentication_error", "detail": "API key is not valid"}),
    answers=_answers,
    messages=in_body("uuid", items="batch"),
    url_settings=("base_url", "api_url"),
)
