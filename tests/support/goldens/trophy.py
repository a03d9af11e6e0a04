"""Trophy's golden table: messages, and their requests."""

from durable_analytics.providers import HttpRequest
from tests.providers.building import Golden, calls
from tests.support.json_objects import Json

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
                "attributes": {"department": "engineering", "plan": "pro"},
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
