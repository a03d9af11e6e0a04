"""Null, blank and unknown values inside a message's objects follow the rules of its own fields."""

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json

METRIC: Json = {"key": "k", "user": {"id": "u"}, "value": 1}
TRACK: Json = {"user_id": "u", "event": "E"}


@pytest.mark.parametrize("strict", [True, False])
async def test_null_under_an_unknown_key_of_a_user(execute: Execute, *, strict: bool) -> None:
    """Is "not set", as beside it."""
    metric = {**METRIC, "user": {"id": "u", "avatar": None}}

    output = await execute("Metric", {"integration": "trophy", "strict": strict, "metric": metric})

    assert output["status"] == "success"
    assert "left_out" not in output


async def test_an_unknown_key_of_a_user_is_left_out(execute: Execute, standin: StandIn) -> None:
    """Where the input is not strict, however many there are."""
    unknown = {f"k{number}": number for number in range(100)}
    metric = {**METRIC, "user": {"id": "u", **unknown}}

    output = await execute("Metric", {"integration": "trophy", "strict": False, "metric": metric})

    assert output["left_out"]["user.k0"] == 1
    assert standin.requests[0]["body"]["user"] == {"id": "u"}


async def test_null_in_an_sdks_context_is_not_left_out(execute: Execute) -> None:
    """It was never there."""
    output = await execute(
        "Metric",
        {"integration": "trophy", "strict": False, "context": {"ip": None}, "metric": METRIC},
    )

    assert "left_out" not in output


@pytest.mark.parametrize("trait", ["TZ", "DeviceTokens", "device-tokens"])
async def test_null_is_refused_under_other_spellings_of_a_field(
    execute: Execute, standin: StandIn, trait: str
) -> None:
    """They are attributes at Trophy, which must be text."""
    identify = {"user_id": "u", "traits": {trait: None}}

    output = await execute("Identify", {"integration": "trophy", "identify": identify})

    assert output["error"]["fields"][0]["path"] == f"identify.traits.{trait}"
    assert not standin.requests


@pytest.mark.parametrize("strict", [True, False])
async def test_a_blank_user_id_does_not_count_at_trakio(
    execute: Execute, standin: StandIn, *, strict: bool
) -> None:
    track = {"user_id": " ", "anonymous_id": "a", "event": "E"}

    await execute("Track", {"integration": "trakio", "strict": strict, "track": track})

    assert standin.requests[0]["body"]["data"]["distinct_id"] == "a"


async def test_a_group_alone_has_its_own_id_at_journy(execute: Execute, standin: StandIn) -> None:
    """Also where it is a number."""
    await execute("Group", {"integration": "journy", "strict": False, "group": {"group_id": 5}})

    assert standin.requests[0]["body"]["batch"][0]["anonymousId"] == "5"


@pytest.mark.parametrize("method", ["Track", "Batch"])
@pytest.mark.parametrize("context", ["", False, 0])
async def test_a_strict_context_that_is_no_object_is_refused(
    execute: Execute, method: str, context: object
) -> None:
    """It did vanish where Python takes it for nothing."""
    data = {"messages": [{"type": "track", **TRACK}]} if method == "Batch" else {"track": TRACK}

    output = await execute(method, {"context": context, **data})

    assert output["error"]["fields"] == [{"path": "context", "message": "must be an object"}]


@pytest.mark.parametrize("time", [True, {}, [], 1e300])
async def test_what_is_no_time_is_named_as_that(execute: Execute, time: object) -> None:
    """Not as "must be text": a number can be a time."""
    track = {**TRACK, "timestamp": time}

    output = await execute("Track", {"integration": "trakio", "strict": False, "track": track})

    assert "ISO 8601" in output["error"]["message"]


@pytest.mark.parametrize("key", ["track", "request_options"])
async def test_a_surplus_key_of_a_batchs_message_is_named(execute: Execute, key: str) -> None:
    """Also where it is called like the method, or like a key of the batch."""
    messages = [{"type": "track", **TRACK, key: {}}]

    output = await execute("Batch", {"messages": messages})

    assert output["rejected"][0]["error"]["fields"][0]["path"] == f"messages.0.{key}"
