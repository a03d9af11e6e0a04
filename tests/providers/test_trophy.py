"""Trophy: metrics with an idempotency key, users with fields and attributes."""

import pytest

from tests.providers.building import ACCOUNTS, built, refusal
from tests.support.goldens.trophy import BASE, METRIC
from tests.support.json_objects import Json

TROPHY = ACCOUNTS["trophy"]


def test_a_whole_number_stays_one() -> None:
    """750 does not become 750.0 on its way."""
    assert built(TROPHY, "metric", METRIC).content() == b'{"user":{"id":"u-1"},"value":750}'


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ({"idempotency_key": "k-1", "message_id": "m-9"}, "k-1"),
        ({"message_id": "m-9"}, "m-9"),
        ({}, "m-1"),
    ],
)
def test_a_repeat_counts_once(message: Json, key: str) -> None:
    """By the caller's key, else by the message id, which all attempts share."""
    request = built(TROPHY, "metric", {**METRIC, **message})

    assert request.headers == {"Idempotency-Key": key}


@pytest.mark.parametrize("field", ["idempotency_key", "message_id"])
@pytest.mark.parametrize("value", ["schlüssel", " k", "k "])
def test_the_key_must_be_a_header(field: str, value: str) -> None:
    """Refused at once; sent, it would fail at every attempt."""
    assert refusal(TROPHY, "metric", {**METRIC, field: value}) == {
        f"metric.{field}": (
            "must be printable ASCII without leading or trailing spaces: "
            "Trophy receives it as an HTTP header"
        )
    }


@pytest.mark.parametrize(
    ("id_", "step"),
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
def test_ids_and_keys_are_one_step_of_the_url(id_: str, step: str) -> None:
    """Whatever characters they hold."""
    assert built(TROPHY, "identify", {"user_id": id_}).url == f"{BASE}/users/{step}"
    assert built(TROPHY, "metric", {**METRIC, "key": id_}).url == f"{BASE}/metrics/{step}/event"


@pytest.mark.parametrize("dots", [".", ".."])
def test_dots_lead_nowhere_else(dots: str) -> None:
    """An HTTP client resolves them, and no quoting prevents it."""
    words = "must not be one or two dots: it is part of a URL at Trophy"

    assert refusal(TROPHY, "identify", {"user_id": dots}) == {"identify.user_id": words}
    assert refusal(TROPHY, "metric", {**METRIC, "key": dots}) == {"metric.key": words}


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
def test_traits_that_do_not_fit_are_named(traits: Json, problems: dict[str, str]) -> None:
    """All of them at once; nothing is converted, nothing is dropped."""
    told = refusal(TROPHY, "identify", {"user_id": "u-1", "traits": traits})

    assert sorted(told) == sorted(f"identify.traits.{trait}" for trait in problems)
    assert all(
        told[f"identify.traits.{trait}"] == words for trait, words in problems.items() if words
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
def test_traits_are_fields_or_attributes(traits: Json | None, body: Json) -> None:
    """In either spelling; what is no field of a user keeps its name."""
    assert built(TROPHY, "identify", {"user_id": "u-1", "traits": traits}).body == body


def test_a_user_needs_an_id() -> None:
    """Trophy knows nobody by an anonymous id."""
    assert refusal(TROPHY, "identify", {"anonymous_id": "a-1"}) == {
        "identify.user_id": "is required at Trophy"
    }


@pytest.mark.parametrize(
    ("method", "message"), [("identify", {"user_id": "u-1"}), ("metric", METRIC)]
)
def test_there_is_no_place_for_a_context(method: str, message: Json) -> None:
    context = {"library": {"name": "shop"}, "ip": "192.0.2.1"}

    assert refusal(TROPHY, method, message, context=context) == {
        "context.ip": "cannot be sent: Trophy has no field for it; remove it"
    }
