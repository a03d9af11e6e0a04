"""What Segment-compatible providers share beyond their tables: time, context, `strict: false`."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from durable_analytics.providers import Provider
from tests.providers.building import ACCOUNTS, COMMON, SENT_AT, built, delivery_of, refusal
from tests.support.json_objects import Json

SEGMENT = ACCOUNTS["segment"]
COMPATIBLE = [
    pytest.param(ACCOUNTS[name], id=name) for name in ("segment", "journy", "rudderstack")
]
TRACK: Json = {"user_id": "u-1", "event": "E"}


def item(provider: Provider, message: Json, **input: object) -> Json:
    """A track as it is sent, without the envelope."""
    body = dict(built(provider, "track", message, **input).body)
    sent: Json = body.get("batch", [body])[0]
    return {name: value for name, value in sent.items() if name not in ("sentAt", "type")}


@pytest.mark.parametrize("provider", COMPATIBLE)
def test_sent_at_is_the_attempts_time(provider: Provider) -> None:
    """Anew at each attempt, in UTC; the message's own time stays."""
    bodies = [
        provider.build(delivery_of(provider, "track", TRACK, sent_at=when)).body
        for when in (
            SENT_AT,
            datetime(2026, 2, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 2, 1, 1, 0, 0, 999_999, tzinfo=UTC),
        )
    ]

    assert [body.pop("sentAt") for body in bodies] == [
        "2026-01-31T09:30:01.250Z",
        "2026-01-31T23:00:00.000Z",
        "2026-02-01T01:00:00.999Z",
    ]
    assert bodies[0] == bodies[1] == bodies[2]


@pytest.mark.parametrize(
    ("message", "context", "sent"),
    [
        ({"traits": {"a": None}}, {}, {"traits": {"a": None}}),
        ({"traits": {"a": 1}}, {"traits": {"a": 2, "b": 3}}, {"traits": {"a": 1, "b": 3}}),
        ({"traits": None}, {"traits": {"b": 3}}, {"traits": {"b": 3}}),
        ({"company_id": "c-1"}, {"group_id": "g-1"}, {"groupId": "c-1"}),
        ({"channel": "web"}, {"channel": "server", "ip": "x"}, {"channel": "web", "ip": "x"}),
        ({"channel": None, "company_id": None}, {"groupId": "g-1"}, {"groupId": "g-1"}),
    ],
)
def test_fields_beside_the_properties_go_into_the_context(
    message: Json, context: Json, sent: Json
) -> None:
    """What the message says comes before what the input's context says."""
    assert item(SEGMENT, {**TRACK, **message}, context=context)["context"] == sent


@pytest.mark.parametrize("context", [{}, None])
def test_an_empty_context_is_not_sent(context: Json | None) -> None:
    assert "context" not in item(SEGMENT, TRACK, context=context)


def test_two_keys_of_ones_own_stay_two() -> None:
    """Only the specification's keys are renamed; else one of these would be lost."""
    context = {"my_key": 1, "myKey": 2, "device": {"my_key": 1, "myKey": 2}, "userAgent": "x"}

    assert item(SEGMENT, TRACK, context=context)["context"] == context


@pytest.mark.parametrize("provider", COMPATIBLE)
@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ({"my_key": 1, "myKey": 2, "URL": 3}, {"my_key": 1, "myKey": 2, "URL": 3}),
        ({"properties": "none"}, {"properties": "none"}),
        ({"companyId": {"id": 1}}, {"companyId": {"id": 1}}),
        ({"context": {"ip": "192.0.2.1"}}, {"context": {"ip": "192.0.2.1"}}),
    ],
)
def test_strict_false_passes_on_what_no_model_knows(
    provider: Provider, message: Json, sent: Json
) -> None:
    """As it came."""
    expected = {
        "messageId": COMMON["message_id"],
        "timestamp": COMMON["timestamp"],
        "userId": "u-1",
        "event": "E",
        **sent,
    }

    assert item(provider, {**TRACK, **message}, strict=False) == expected


def test_a_context_in_the_message_is_merged() -> None:
    """SDKs put it there; it is nearer than the input's, and the message's fields are nearest."""
    message = {**TRACK, "traits": {"a": 1}, "context": {"ip": "b", "traits": {"a": 0, "b": 2}}}

    sent = item(SEGMENT, message, context={"ip": "a", "groupId": "g-1"}, strict=False)

    assert sent["context"] == {"ip": "b", "groupId": "g-1", "traits": {"a": 1, "b": 2}}


@pytest.mark.parametrize("provider", COMPATIBLE)
@pytest.mark.parametrize("key", ["writeKey", "write_key", "WRITEKEY"])
def test_strict_false_lets_no_credential_through(provider: Provider, key: str) -> None:
    """An SDK's message may bring one: it belongs to another account, and is told by its name."""
    assert refusal(provider, "track", {**TRACK, key: "geheim"}, strict=False) == {
        f"track.{key}": (
            "is a credential and must not be in an input; "
            "for another API key, configure another integration"
        )
    }


def test_strict_false_cannot_set_the_time_of_sending() -> None:
    body = built(SEGMENT, "track", {**TRACK, "sentAt": "2020-01-01"}, strict=False).body

    assert body["sentAt"] == "2026-01-31T09:30:01.250Z"
