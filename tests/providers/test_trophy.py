"""Trophy: metrics with an idempotency key, users with fields and attributes."""

import pytest

from durable_analytics.providers import HttpRequest
from tests.conftest import Json
from tests.providers.building import ACCOUNTS, Golden, built, calls, refusal

TROPHY = ACCOUNTS["trophy"]
API_KEY = {"X-API-KEY": "trophy-key"}
BASE = "https://api.trophy.so/v1"

METRIC: Json = {"key": "words", "user": {"id": "u-1"}, "value": 750}

GOLDEN = [
    Golden(
        "identify",
        "full",
        {
            "user_id": "u-1",
            "message_id": "m-2",
            "timestamp": "2026-01-31T09:30:00Z",
            "traits": {
                "email": "ada@example.com",
                "name": "Ada",
                "tz": "Europe/London",
                "sign_up_date": "2026-01-31",
                "device_tokens": ["t-1"],
                "subscribe_to_emails": False,
                "plan": "pro",
                "some_key": None,
                "attributes": {"department": "engineering"},
            },
        },
        HttpRequest(
            "PUT",
            f"{BASE}/users/u-1",
            {
                "email": "ada@example.com",
                "name": "Ada",
                "tz": "Europe/London",
                "signUpDate": "2026-01-31",
                "deviceTokens": ["t-1"],
                "subscribeToEmails": False,
                "attributes": {"department": "engineering", "plan": "pro", "some_key": None},
            },
        ),
        API_KEY,
    ),
    Golden(
        "identify",
        "least",
        {"user_id": "u-1"},
        HttpRequest("PUT", f"{BASE}/users/u-1", {}),
        API_KEY,
    ),
    Golden(
        "metric",
        "full",
        {
            "key": "words-written",
            "user": {
                "id": "u-1",
                "email": "ada@example.com",
                "name": "Ada",
                "tz": "Europe/London",
                "device_tokens": ["t-1"],
                "subscribe_to_emails": True,
                "attributes": {"some_key": "x"},
            },
            "value": -2.5,
            "attributes": {"some_source": "mobile-app"},
            "idempotency_key": "k-1",
            "message_id": "m-2",
            "timestamp": "2026-01-31T09:30:00Z",
        },
        HttpRequest(
            "POST",
            f"{BASE}/metrics/words-written/event",
            {
                "user": {
                    "id": "u-1",
                    "email": "ada@example.com",
                    "name": "Ada",
                    "tz": "Europe/London",
                    "deviceTokens": ["t-1"],
                    "subscribeToEmails": True,
                    "attributes": {"some_key": "x"},
                },
                "value": -2.5,
                "attributes": {"some_source": "mobile-app"},
            },
            {"Idempotency-Key": "k-1"},
        ),
        API_KEY,
    ),
    Golden(
        "metric",
        "least",
        METRIC,
        HttpRequest(
            "POST",
            f"{BASE}/metrics/words/event",
            {"user": {"id": "u-1"}, "value": 750},
            {"Idempotency-Key": "m-1"},
        ),
        API_KEY,
    ),
    *calls(BASE, API_KEY),
]


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
        f"metric.{field}": "must be printable ASCII, no space around it, at Trophy: it is a header"
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
    words = "would lead to another address at Trophy: use another"

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
        ({"plan": "a", "attributes": {"plan": "b"}}, {"plan": "is given twice: keep one"}),
        ({"device_tokens": [], "deviceTokens": []}, {"deviceTokens": "is given twice: keep one"}),
        ({"seats": 3, "tz": 1}, {"seats": "", "tz": ""}),
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
        ({"email": None}, {"email": None}),
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
        "context.ip": "has no place at Trophy: leave it out"
    }
