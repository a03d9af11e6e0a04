"""PostHog's batches, which it accepts or refuses as a whole, and its responses."""

import json

import pytest

from durable_analytics.errors import Rejected
from durable_analytics.providers import HttpResponse
from durable_analytics.testing import StandIn
from tests.providers.building import (
    COMMON,
    SENT_AT,
    account,
)
from tests.support.goldens.posthog import BASE, CONTEXT, POSTHOG, ROWS, TRACK, UUID
from tests.support.json_objects import Execute, Json
from tests.support.prepared_batches import prepared


@pytest.mark.parametrize("is_import", [False, True])
def test_a_batch_becomes_this_request(is_import: bool) -> None:
    """All events are in one body, in order. The private API has no batches."""
    provider = account(
        "posthog",
        project_api_key="k",
        personal_api_key="p",
        project_id=1,
        historical_migration=is_import,
    )
    context = [{"context": CONTEXT} if extent == "full" else {} for _, extent, _, _ in ROWS]
    messages = [
        {"type": method, **COMMON, **message, **context[n]}
        for n, (method, _, message, _) in enumerate(ROWS)
    ]
    batch = prepared(provider, [*messages, {"type": "delete", "user_id": "u-1"}])

    events = prepared(provider, messages)
    request = events.request(events.messages, SENT_AT)

    assert list(batch.slices(SENT_AT)) == [(0, len(ROWS)), (len(ROWS), len(ROWS) + 1)]
    assert (request.method, request.url) == ("POST", f"{BASE}/batch/")
    flag = {"historical_migration": True} if is_import else {}
    assert json.loads(request.content() or b"") == {**flag, "batch": [row for *_, row in ROWS]}
    sent = provider.authorize(request, delivery_id="b:0", sent_at=SENT_AT)
    assert json.loads(sent.content() or b"")["api_key"] == "k"


def test_a_response_with_an_exceeded_quota_is_rejected() -> None:
    """PostHog responds with 200, but keeps no event."""
    failure = POSTHOG.classify(HttpResponse(200, body={"quota_limited": ["events"]}))

    assert isinstance(failure, Rejected)
    assert POSTHOG.classify(HttpResponse(200, body={"quota_limited": [], "status": "Ok"})) is None


async def test_a_batch_is_throttled_and_one_message_refused(
    execute: Execute, standin: StandIn
) -> None:
    """PostHog accepts all events of a batch or none; invalid messages are refused before."""
    standin.script("posthog", {"status": 429})
    policies = {"request": {"retry_policy": {"initial_interval": "PT0.01S"}}}
    late = {"type": "track", **TRACK, "timestamp": "2999-01-01"}
    messages = [{"type": "track", **TRACK}, late, {"type": "identify", "user_id": "u-1"}]
    data = {"integration": "posthog", "policies": policies, "messages": messages}

    output = await execute("Batch", data)

    assert (output["status"], output["accepted"]) == ("partial", 2)
    (rejected,) = output["rejected"]
    assert [field["path"] for field in rejected["error"]["fields"]] == ["messages.1.timestamp"]
    first, second = standin.requests
    assert first["path"] == "/batch/"
    assert first["body"] == second["body"]
    assert [one["event"] for one in second["body"]["batch"]] == ["E", "$identify"]
    assert len(standin.accepted["posthog"]) == 2


async def test_the_stand_in_refuses_as_posthog_does(execute: Execute, standin: StandIn) -> None:
    """If one event of a batch is invalid, PostHog accepts none."""
    good = {"event": "E", "distinct_id": "u", "properties": {}, "uuid": UUID}
    bad: list[Json] = [
        {"batch": []},
        {"batch": [good, {**good, "event": ""}]},
        {"batch": [good, {**good, "distinct_id": ""}]},
        {"batch": [good, {**good, "uuid": "m-1"}]},
        {"batch": [good, {**good, "properties": None}]},
    ]

    for body in bad:
        call = {"method": "POST", "path": "/batch/", "body": body}
        output = await execute("Call", {"integration": "posthog", "call": call})
        assert output["error"]["type"] == "Rejected"

    assert standin.accepted["posthog"] == []
