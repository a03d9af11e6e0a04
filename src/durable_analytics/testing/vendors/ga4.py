"""Google Analytics 4 in the stand-in: it responds with 204 and ignores invalid events."""

import re
import time
from collections.abc import Sequence
from typing import Any

from durable_analytics.testing._received import Received, ReceivedMessage
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.authentication import query

_MOST_EVENTS = 25
_OLDEST_SECONDS = 72 * 60 * 60
"""A request has at most 25 events, of the last 72 hours (Measurement Protocol, limitations)."""

_NAME = re.compile(r"[^\W\d_]\w{0,39}")


def _events(request: Received) -> list[Any]:
    events = request.body.get("events") if isinstance(request.body, dict) else None
    return events if isinstance(events, list) else []


def _problem(request: Received, index: int, event: Any) -> str:
    """Return why Google ignores an event; "" if the event is valid."""
    if not request.body.get("client_id"):
        return "client_id is required"
    if index >= _MOST_EVENTS:
        return f"more than {_MOST_EVENTS} events"
    if not isinstance(event, dict) or not _NAME.fullmatch(str(event.get("name"))):
        return "the name of the event is invalid"
    micros = request.body.get("timestamp_micros")
    if isinstance(micros, int) and micros / 1e6 < time.time() - _OLDEST_SECONDS:
        return "timestamp_micros is more than 72 hours ago"
    return ""


def _answers(request: Received) -> Reply:
    problems = [_problem(request, index, event) for index, event in enumerate(_events(request))]
    if request.path == "/debug/mp/collect":
        messages = [{"description": problem} for problem in problems if problem]
        # This endpoint only validates events.
        return Reply(200, {"validationMessages": messages}, not_accepted=range(len(problems)))
    if request.path == "/mp/collect":
        ignored = [index for index, problem in enumerate(problems) if problem]
        return Reply(204, not_accepted=ignored)
    return Reply(200, {})


def _messages(request: Received) -> Sequence[ReceivedMessage]:
    return [ReceivedMessage(_transaction_id(event), event) for event in _events(request)]


def _transaction_id(event: Any) -> str | None:
    parameters = event.get("params") if isinstance(event, dict) else None
    id_ = parameters.get("transaction_id") if isinstance(parameters, dict) else None
    return id_ if isinstance(id_, str) else None


VENDOR = Vendor(
    title="Google Analytics 4",
    credentials={"api_secret": "ga4-api-secret"},
    settings={"measurement_id": "G-STANDIN000"},
    authorizes=query("api_secret", "api_secret"),
    refuses=Reply(204),
    answers=_answers,
    messages=_messages,
)
