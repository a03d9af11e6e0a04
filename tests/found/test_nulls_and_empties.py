"""Null is "not set", PHP's `[]` is an empty object, and no other value counts as nothing."""

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("integration", ["segment", "trakio"])
async def test_null_is_not_set(
    execute: Execute, standin: StandIn, integration: str, *, strict: bool
) -> None:
    """For every key that is not data, known or not: segment-analytics-python sends such a null."""
    message = {
        "previousUserId": "a",
        "newUserId": "b",
        "anonymousId": None,
        "traits": None,
        "integrations": None,
        "colour": None,
    }

    output = await execute(
        "Alias",
        {
            "integration": integration,
            "strict": strict,
            "context": None,
            "policies": None,
            "size": None,
            "alias": message,
        },
    )

    assert output["status"] == "success"
    assert "left_out" not in output
    assert None not in standin.requests[0]["body"].values()


async def test_null_in_data_is_sent(execute: Execute, standin: StandIn) -> None:
    """It deletes a trait."""
    await execute("Identify", {"identify": {"user_id": "u", "traits": {"plan": None}}})

    assert standin.requests[0]["body"]["traits"] == {"plan": None}


@pytest.mark.parametrize(
    ("method", "message", "path"),
    [
        ("Metric", {"user": {"id": "u", "email": None}}, "metric.user.email"),
        ("Metric", {"user": {"id": "u", "attributes": None}}, "metric.user.attributes"),
        ("Identify", {"traits": {"plan": None}}, "identify.traits.plan"),
        (
            "Identify",
            {"traits": {"subscribe_to_emails": None}},
            "identify.traits.subscribe_to_emails",
        ),
    ],
)
async def test_trophy_takes_null_for_two_fields_alone(
    execute: Execute, method: str, message: Json, path: str
) -> None:
    least = {"key": "k", "value": 1} if method == "Metric" else {"user_id": "u"}

    output = await execute(method, {"integration": "trophy", method.lower(): {**least, **message}})

    assert output["error"]["type"] == "ValidationError"
    assert [problem["path"] for problem in output["error"]["fields"]] == [path]


async def test_trophys_two_nulls_and_the_date_of_signing_up(
    execute: Execute, standin: StandIn
) -> None:
    user = {"id": "u", "tz": None, "device_tokens": None, "sign_up_date": "2026-01-31"}

    await execute(
        "Metric", {"integration": "trophy", "metric": {"key": "k", "user": user, "value": 1}}
    )

    assert standin.requests[0]["body"]["user"] == {
        "id": "u",
        "tz": None,
        "deviceTokens": None,
        "signUpDate": "2026-01-31",
    }


@pytest.mark.parametrize("integration", ["segment", "trakio", "trophy"])
async def test_phps_empty_object(execute: Execute, integration: str) -> None:
    message = {"type": "identify", "userId": "u", "traits": [], "context": [], "integrations": []}

    output = await execute(
        "Batch", {"integration": integration, "strict": False, "messages": [message]}
    )

    assert (output["status"], output["accepted"]) == ("success", 1)


async def test_no_other_value_counts_as_nothing(execute: Execute) -> None:
    """`{}` where text belongs does not vanish: it is refused with the reason that is true."""
    message = {"user_id": "u", "event": "E", "channel": {}}

    output = await execute("Track", {"integration": "trakio", "strict": False, "track": message})

    assert output["error"]["fields"] == [{"path": "track.channel", "message": "must be text"}]


@pytest.mark.parametrize(
    ("message", "path", "words"),
    [
        ({"userId": True, "event": "E"}, "user_id", "must be text"),
        ({"userId": {}, "event": "E"}, "user_id", "must be text"),
        ({"userId": "u", "event": ["E"]}, "event", "must be text"),
        ({"event": "E"}, "user_id", "is required if anonymous_id is not set"),
    ],
)
async def test_reasons_are_true(execute: Execute, message: Json, path: str, words: str) -> None:
    output = await execute("Track", {"strict": False, "track": message})

    assert output["error"]["fields"] == [{"path": f"track.{path}", "message": words}]


async def test_a_gateways_reason_is_the_reason(execute: Execute) -> None:
    """It knows why it could not pass on a message as one of its type."""
    reason = "type must be one of identify, track"
    refused = {"messageId": "m", "path": "type", "refused": reason, "message": {}}

    output = await execute("Batch", {"strict": False, "messages": [refused]})

    assert output["rejected"][0]["error"]["fields"] == [
        {"path": "messages.0.type", "message": "must be one of identify, track"}
    ]


async def test_a_gateways_reason_about_all_of_a_message(execute: Execute) -> None:
    """Its first word is no field, and a field may have a space in its name."""
    whole = {"path": "", "refused": "contains bytes that are not UTF-8", "message": "…"}
    spaced = {"path": "properties.my key", "refused": "properties.my key is too long"}
    bare = {"refused": "is larger than 10 bytes"}

    output = await execute("Batch", {"strict": False, "messages": [whole, spaced, bare]})

    assert [one["error"]["message"] for one in output["rejected"]] == [
        "messages.0 contains bytes that are not UTF-8",
        "messages.1.properties.my key is too long",
        "messages.2 is larger than 10 bytes",
    ]
