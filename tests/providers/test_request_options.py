"""Request options: added to a provider's request, never instead of a part of it."""

import pytest

from durable_analytics.providers import HttpRequest, Provider
from tests.providers.building import ACCOUNTS, COMMON, SENT, built, refusal
from tests.support.json_objects import Json

TRACK: Json = {"user_id": "u-1", "event": "E"}
METRIC: Json = {"key": "words", "user": {"id": "u-1"}, "value": 1}
OPTIONS: Json = {
    "headers": {"X-Trace": "t-1"},
    "query": {"force_200": 1},
    "body": {"some_key": {"a_b": None}},
}

NOT_REPLACED = "is already part of the provider's request and cannot be replaced: remove it"
A_CREDENTIAL = (
    "is a credential and must not be in an input; "
    "for another API key, configure another integration"
)


@pytest.mark.parametrize(
    ("name", "method", "message", "expected"),
    [
        (
            "segment",
            "track",
            TRACK,
            HttpRequest(
                "POST",
                "https://api.segment.io/v1/track",
                {
                    "messageId": COMMON["message_id"],
                    "timestamp": COMMON["timestamp"],
                    "userId": "u-1",
                    "event": "E",
                    "sentAt": SENT,
                    "some_key": {"a_b": None},
                },
                {"X-Trace": "t-1"},
                {"force_200": 1},
            ),
        ),
        (
            "trakio",
            "annotate",
            {"event": "E"},
            HttpRequest(
                "POST",
                "https://api.trak.io/v1/annotate",
                {"data": {"event": "E"}, "some_key": {"a_b": None}},
                {"X-Trace": "t-1"},
                {"force_200": 1},
            ),
        ),
        (
            "trophy",
            "metric",
            METRIC,
            HttpRequest(
                "POST",
                "https://api.trophy.so/v1/metrics/words/event",
                {"user": {"id": "u-1"}, "value": 1, "some_key": {"a_b": None}},
                {"Idempotency-Key": "m-1", "X-Trace": "t-1"},
                {"force_200": 1},
            ),
        ),
        (
            "trophy",
            "call",
            {"method": "POST", "path": "/x", "body": {"a": 1}, "query": {"b": 2}},
            HttpRequest(
                "POST",
                "https://api.trophy.so/v1/x",
                {"a": 1, "some_key": {"a_b": None}},
                {"X-Trace": "t-1"},
                {"b": 2, "force_200": 1},
            ),
        ),
    ],
)
def test_options_are_added(name: str, method: str, message: Json, expected: HttpRequest) -> None:
    """Headers, query and body, beside what the provider's request has; keys are not renamed."""
    request = built(ACCOUNTS[name], method, message, request_options=OPTIONS)

    assert request == expected


@pytest.mark.parametrize("options", [{}, None, {"headers": {}, "query": {}, "body": {}}])
def test_no_options_change_nothing(options: Json | None) -> None:
    provider = ACCOUNTS["segment"]

    assert built(provider, "track", TRACK, request_options=options) == built(
        provider, "track", TRACK
    )


@pytest.mark.parametrize(
    ("name", "method", "message", "options", "problems"),
    [
        (
            "segment",
            "track",
            TRACK,
            {"body": {"sentAt": "x", "event": "x", "userId": "x", "messageId": "x"}},
            dict.fromkeys(
                ["body.sentAt", "body.event", "body.userId", "body.messageId"], NOT_REPLACED
            ),
        ),
        ("journy", "track", TRACK, {"body": {"batch": []}}, {"body.batch": NOT_REPLACED}),
        ("trakio", "annotate", {"event": "E"}, {"body": {"data": 1}}, {"body.data": NOT_REPLACED}),
        (
            "trophy",
            "metric",
            METRIC,
            {"headers": {"idempotency-key": "x"}, "body": {"value": 2}},
            {"headers.idempotency-key": NOT_REPLACED, "body.value": NOT_REPLACED},
        ),
        (
            "segment",
            "delete",
            {"user_id": "u-1"},
            {"headers": {"content-type": "text/plain"}},
            {"headers.content-type": NOT_REPLACED},
        ),
        (
            "trophy",
            "call",
            {"method": "GET", "path": "/x", "query": {"page": 1}, "headers": {"X-A": "1"}},
            {"query": {"page": 2}, "headers": {"x-a": "2"}},
            {"query.page": NOT_REPLACED, "headers.x-a": NOT_REPLACED},
        ),
        (
            "trophy",
            "call",
            {"method": "GET", "path": "/x"},
            {"body": {"a": 1}},
            {"body": "cannot be added: the body of the request is not a JSON object"},
        ),
        (
            "trophy",
            "metric",
            METRIC,
            {"query": {"a": None}},
            {"query.a": "must be text, a number, true, false, or a list of them"},
        ),
    ],
)
def test_nothing_is_replaced(
    name: str, method: str, message: Json, options: Json, problems: dict[str, str]
) -> None:
    """Every attempt at it is named."""
    told = refusal(ACCOUNTS[name], method, message, request_options=options)

    assert told == {f"request_options.{path}": words for path, words in problems.items()}


@pytest.mark.parametrize(
    ("provider", "names"),
    [
        (ACCOUNTS[name], sorted(ACCOUNTS[name].credential_names | {"authorization", "cookie"}))
        for name in ACCOUNTS
    ],
    ids=list(ACCOUNTS),
)
def test_no_option_is_a_credential(provider: Provider, names: list[str]) -> None:
    """In no part of the request, in no spelling."""
    call = {"method": "POST", "path": "/x", "body": {}}
    headers = {"headers": {name.upper(): "geheim" for name in names}}
    assert refusal(provider, "call", call, request_options=headers) == {
        f"request_options.headers.{name.upper()}": A_CREDENTIAL for name in names
    }

    for part in ("query", "body"):
        options = {part: {name.upper(): "geheim" for name in provider.credential_names}}
        assert refusal(provider, "call", call, request_options=options) == {
            f"request_options.{part}.{name.upper()}": A_CREDENTIAL
            for name in provider.credential_names
        }
