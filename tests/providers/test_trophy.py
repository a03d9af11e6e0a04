"""Trophy: metrics with an idempotency key, users with fields and attributes."""

import pytest

from tests.providers.building import ACCOUNTS, built, refusal
from tests.support.goldens.trophy import BASE, METRIC
from tests.support.json_objects import Json

TROPHY = ACCOUNTS["trophy"]


def test_an_integer_is_not_sent_as_a_float() -> None:
    """750 does not become 750.0."""
    assert built(TROPHY, "metric", METRIC).content() == b'{"user":{"id":"u-1"},"value":750}'


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ({"idempotency_key": "k-1", "message_id": "m-9"}, "k-1"),
        ({"message_id": "m-9"}, "m-9"),
        ({}, "m-1"),
    ],
)
def test_the_idempotency_key_is_the_same_in_each_attempt(message: Json, key: str) -> None:
    """It is the caller's key, or else the message id; so Trophy counts a repeated metric once."""
    request = built(TROPHY, "metric", {**METRIC, **message})

    assert request.headers == {"Idempotency-Key": key}


@pytest.mark.parametrize("field", ["idempotency_key", "message_id"])
@pytest.mark.parametrize("value", ["schlüssel", " k", "k "])
def test_a_key_that_is_not_a_header_value_is_refused(field: str, value: str) -> None:
    """Otherwise, each attempt to send it would fail."""
    assert refusal(TROPHY, "metric", {**METRIC, field: value}) == {
        f"metric.{field}": (
            "must be printable ASCII without leading or trailing spaces: "
            "Trophy receives it as an HTTP header"
        )
    }


@pytest.mark.parametrize(
    ("id_", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("é", "%C3%A9"),
        ("a b", "a%20b"),
        ("a?b#c", "a%3Fb%23c"),
        ("../x", "..%2Fx"),
        ("50%", "50%25"),
        ("...", "..."),
    ],
)
def test_ids_and_keys_are_escaped_as_one_path_segment(id_: str, segment: str) -> None:
    """An id cannot change the path or the query of the URL."""
    assert built(TROPHY, "identify", {"user_id": id_}).url == f"{BASE}/users/{segment}"
    assert built(TROPHY, "metric", {**METRIC, "key": id_}).url == f"{BASE}/metrics/{segment}/event"


@pytest.mark.parametrize("dots", [".", ".."])
def test_ids_and_keys_of_dots_are_refused(dots: str) -> None:
    """An HTTP client would resolve them to another path, even if they are escaped."""
    reason = "must not be one or two dots: it is part of a URL at Trophy"

    assert refusal(TROPHY, "identify", {"user_id": dots}) == {"identify.user_id": reason}
    assert refusal(TROPHY, "metric", {**METRIC, "key": dots}) == {"metric.key": reason}


@pytest.mark.parametrize(
    ("traits", "problems"),
    [
        ({"email": 1}, {"email": "must be text at Trophy"}),
        ({"name": ["Ada"]}, {"name": "must be text at Trophy"}),
        ({"tz": 1}, {"tz": 'must be text, like "Europe/London" at Trophy'}),
        ({"signUpDate": 2026}, {"signUpDate": 'must be text, like "2026-01-31" at Trophy'}),
        ({"device_tokens": "t-1"}, {"device_tokens": "must be a list of text at Trophy"}),
        ({"deviceTokens": [1]}, {"deviceTokens": "must be a list of text at Trophy"}),
        ({"subscribe_to_emails": 1}, {"subscribe_to_emails": "must be true or false at Trophy"}),
        ({"seats": 3}, {"seats": "must be text at Trophy"}),
        ({"attributes": {"seats": 3}}, {"attributes.seats": "must be text at Trophy"}),
        ({"attributes": [1]}, {"attributes": "must be text at Trophy"}),
        (
            {"plan": "a", "attributes": {"plan": "b"}},
            {"plan": "is set twice, in two spellings or also in attributes: remove one"},
        ),
        (
            {"device_tokens": [], "deviceTokens": []},
            {"deviceTokens": "is set twice, in two spellings or also in attributes: remove one"},
        ),
        ({"seats": 3, "tz": 1}, {"seats": "", "tz": ""}),
        ({"email": None}, {"email": "must not be null at Trophy: remove it"}),
        ({"plan": None}, {"plan": "must not be null at Trophy: remove it"}),
        ({"attributes": {"plan": None}}, {"attributes.plan": "must be text at Trophy"}),
    ],
)
def test_all_invalid_traits_are_named(traits: Json, problems: dict[str, str]) -> None:
    """None of them is converted or dropped."""
    refused = refusal(TROPHY, "identify", {"user_id": "u-1", "traits": traits})

    assert sorted(refused) == sorted(f"identify.traits.{trait}" for trait in problems)
    assert all(
        refused[f"identify.traits.{trait}"] == reason
        for trait, reason in problems.items()
        if reason
    )


@pytest.mark.parametrize(
    ("traits", "body"),
    [
        ({"subscribeToEmails": True}, {"subscribeToEmails": True}),
        ({"tz": None, "device_tokens": None}, {"tz": None, "deviceTokens": None}),
        ({"attributes": {"email": "x"}}, {"attributes": {"email": "x"}}),
        ({"Plan_Name": "pro"}, {"attributes": {"Plan_Name": "pro"}}),
        (None, {}),
    ],
)
def test_traits_become_fields_of_the_user_or_attributes(traits: Json | None, body: Json) -> None:
    """Fields may be in snake_case or camelCase. Attributes keep their names."""
    assert built(TROPHY, "identify", {"user_id": "u-1", "traits": traits}).body == body


def test_identify_with_only_an_anonymous_id_is_refused() -> None:
    """Trophy has no anonymous users."""
    assert refusal(TROPHY, "identify", {"anonymous_id": "a-1"}) == {
        "identify.user_id": "is required at Trophy"
    }


@pytest.mark.parametrize(
    ("method", "message"), [("identify", {"user_id": "u-1"}), ("metric", METRIC)]
)
def test_a_context_is_refused(method: str, message: Json) -> None:
    """Except `library`: SDKs and clients add it to each message."""
    context = {"library": {"name": "shop"}, "ip": "192.0.2.1"}

    assert refusal(TROPHY, method, message, context=context) == {
        "context.ip": "cannot be sent: Trophy has no field for it; remove it"
    }
