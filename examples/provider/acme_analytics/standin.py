"""Acme in the stand-in: it refuses wrong keys, and events without a user."""

from durable_analytics.testing import Received, ReceivedMessage, Reply, Vendor
from durable_analytics.testing.authentication import header
from durable_analytics.testing.messages import in_body


def _answers(request: Received) -> Reply:
    if request.path != "/events":
        return Reply(204)
    events = VENDOR.messages(request)
    indexes = [index for index, event in enumerate(events) if not _has_user(event)]
    refused = [{"index": index, "reason": "user_id is missing"} for index in indexes]
    return Reply(200, {"refused": refused}, not_accepted=indexes)


def _has_user(event: ReceivedMessage) -> bool:
    return isinstance(event.content, dict) and bool(event.content.get("user_id"))


VENDOR = Vendor(
    title="Acme",
    credentials={"key": "acme-key"},
    authorizes=header("x-acme-key", "key"),
    refuses=Reply(401, {"error": "wrong key"}),
    answers=_answers,
    messages=in_body("id", items="events"),
    secret_headers=("x-acme-key",),
)
