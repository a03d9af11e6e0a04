"""What all providers share: what answers mean, where credentials are, what has no place."""

from datetime import UTC, datetime, timedelta

import pydantic
import pytest

from durable_analytics.errors import (
    DeliveryError,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    UnsupportedMethod,
    ValidationError,
)
from durable_analytics.providers import Delivery, HttpRequest, HttpResponse, Provider
from durable_analytics.wire.messages import Call
from tests.providers.building import ACCOUNTS, SENT_AT, account, built, delivery_of, refusal
from tests.support.json_objects import Json

VERDICTS: dict[int, type[DeliveryError] | None] = {
    200: None,
    201: None,
    202: None,
    204: None,
    301: Rejected,
    304: Rejected,
    400: Rejected,
    401: Unauthorized,
    402: Rejected,
    403: Unauthorized,
    404: Rejected,
    408: Unavailable,
    409: Rejected,
    413: Rejected,
    422: Rejected,
    425: Unavailable,
    429: RateLimited,
    500: Unavailable,
    501: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
"""What each status means."""

EXCEPTIONS = {("trophy", 409): Unavailable}
"""What one provider means otherwise."""

PROVIDERS = [pytest.param(provider, id=name) for name, provider in ACCOUNTS.items()]


@pytest.mark.parametrize("name", ACCOUNTS)
@pytest.mark.parametrize("status", VERDICTS)
def test_a_status_has_one_meaning(name: str, status: int) -> None:
    """Success, another attempt, or the end; the message names provider and status."""
    provider = ACCOUNTS[name]
    expected = EXCEPTIONS.get((name, status), VERDICTS[status])

    failure = provider.classify(HttpResponse(status))

    assert (type(failure) if failure else None) == expected
    if failure:
        assert str(failure).startswith(f"{provider.title} answered {status}")
        assert failure.retried == (expected in (RateLimited, Unavailable))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_body_of_a_failure_does_not_change_it(provider: Provider) -> None:
    """A page of HTML, a success that is none, nothing at all."""
    bodies = ("<html>", {"success": True}, {"status": "success"}, None, [1])

    assert {type(provider.classify(HttpResponse(500, body=body))) for body in bodies} == {
        Unavailable
    }


@pytest.mark.parametrize("provider", PROVIDERS)
def test_retry_after_is_read_from_the_answer(provider: Provider) -> None:
    """In seconds or as a date; without it, nothing is asked."""
    now = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    date = "Sat, 31 Jan 2026 09:30:20 GMT"

    asked = [
        provider.retry_after(HttpResponse(429, headers), now)
        for headers in ({"retry-after": "3"}, {"retry-after": date}, {})
    ]

    assert asked == [timedelta(seconds=3), timedelta(seconds=20), None]


SECRET = 'k/1+"='


@pytest.mark.parametrize(
    ("name", "settings", "spellings"),
    [
        ("segment", {"write_key": SECRET}, {"ay8xKyI9Og=="}),
        (
            "segment",
            {"write_key": SECRET, "public_api_token": "t/2"},
            {"ay8xKyI9Og==", "t/2"},
        ),
        ("journy", {"write_key": SECRET}, {"ay8xKyI9Og=="}),
        (
            "rudderstack",
            {"write_key": SECRET, "base_url": "https://plane.example.com"},
            {"ay8xKyI9Og=="},
        ),
        ("braze", {"api_key": SECRET, "base_url": "https://rest.example.com"}, set()),
        ("customerio", {"site_id": "s", "api_key": SECRET}, {"s", "czprLzErIj0="}),
        ("ga4", {"measurement_id": "G-1", "api_secret": SECRET}, set()),
        ("amplitude", {"api_key": SECRET}, {"ay8xKyI9Og=="}),
        ("amplitude", {"api_key": SECRET, "secret_key": "t/2"}, {"ay8xKyI9OnQvMg==", "t/2"}),
        ("mixpanel", {"project_token": SECRET}, {"ay8xKyI9Og=="}),
        ("trakio", {"token": SECRET}, set()),
        ("trophy", {"api_key": SECRET}, set()),
        ("posthog", {"project_api_key": SECRET, "personal_api_key": "p/2"}, {"p/2"}),
        (
            "archive",
            {"secret_access_key": SECRET, "access_key_id": "a/2", "bucket": "b-1", "region": "r"},
            {"a/2"},
        ),
    ],
)
def test_secrets_are_those_of_settings_and_headers(
    name: str, settings: Json, spellings: set[str]
) -> None:
    """Raw, and in base64 as Basic authentication has it."""
    provider = account(name, **settings)

    assert provider.secret_values() == {SECRET, *spellings}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_provider_shows_its_credentials(provider: Provider) -> None:
    """Neither printed, nor dumped, nor in the request before it is sent."""
    request = built(provider, "call", {"method": "POST", "path": "/x", "body": {}})
    shown = (
        f"{provider!r} {provider} {provider.model_dump()} {provider.model_dump_json()} {request}"
    )

    assert "***" in shown
    assert [secret for secret in provider.secret_values() if secret in shown] == []


CREDENTIALS = [
    ("segment", "write_key", {}),
    ("segment", "public_api_token", {"write_key": "k"}),
    ("journy", "write_key", {}),
    ("rudderstack", "write_key", {"base_url": "https://plane.example.com"}),
    ("braze", "api_key", {"base_url": "https://rest.example.com"}),
    ("customerio", "api_key", {"site_id": "s"}),
    ("customerio", "site_id", {"api_key": "k"}),
    ("ga4", "api_secret", {"measurement_id": "G-1"}),
    ("trakio", "token", {}),
    ("trophy", "api_key", {}),
    ("amplitude", "api_key", {}),
    ("amplitude", "secret_key", {"api_key": "k"}),
    ("mixpanel", "project_token", {}),
    ("mixpanel", "gdpr_token", {"project_token": "k"}),
    ("posthog", "project_api_key", {}),
    ("posthog", "personal_api_key", {"project_api_key": "k"}),
    ("archive", "access_key_id", {"secret_access_key": "k", "bucket": "b-1", "region": "r"}),
    ("archive", "secret_access_key", {"access_key_id": "k", "bucket": "b-1", "region": "r"}),
]


@pytest.mark.parametrize(("name", "credential", "others"), CREDENTIALS)
@pytest.mark.parametrize("value", ["", " ", "geheim ", "ge heim", "geheim\n", "gehéim"])
def test_a_credential_can_be_sent(name: str, credential: str, others: Json, value: str) -> None:
    """What no header can carry is refused with the settings, and not shown."""
    with pytest.raises(pydantic.ValidationError) as refused:
        account(name, **others, **{credential: value})

    (error,) = refused.value.errors(include_input=False)
    assert error["loc"] == (credential,)
    assert error["msg"].endswith("must be printable ASCII text without spaces, and not empty")
    assert "heim" not in str(refused.value)


@pytest.mark.parametrize(("name", "credential", "others"), CREDENTIALS)
def test_a_setting_that_no_provider_knows_is_refused(
    name: str, credential: str, others: Json
) -> None:
    with pytest.raises(pydantic.ValidationError) as refused:
        account(name, **others, **{credential: "k"}, colour="red")

    assert [error["loc"] for error in refused.value.errors()] == [("colour",)]


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://proxy.example.com", "https://proxy.example.com"),
        ("http://127.0.0.1:8090/trophy/", "http://127.0.0.1:8090/trophy"),
        ("proxy.example.com", None),
        ("ftp://proxy.example.com", None),
        ("https://", None),
        ("https://user:key@proxy.example.com", None),
        ("https://proxy.example.com?token=k", None),
        ("https://proxy.example.com#x", None),
    ],
)
def test_a_base_url_is_an_address_and_nothing_else(url: str, kept: str | None) -> None:
    """No credentials in it; a slash at its end does not count."""
    if kept:
        assert account("trophy", api_key="k", base_url=url).base_url == kept
    else:
        with pytest.raises(pydantic.ValidationError, match="base_url"):
            account("trophy", api_key="k", base_url=url)


@pytest.mark.parametrize(
    ("name", "method", "there"),
    [
        ("trophy", "track", "Trophy does not support track; it supports identify, metric, call"),
        (
            "trakio",
            "screen",
            (
                "Trak.io does not support screen; "
                "it supports identify, track, group, alias, page, annotate, call"
            ),
        ),
        (
            "journy",
            "metric",
            (
                "journy.io does not support metric; "
                "it supports identify, track, group, alias, page, screen, call"
            ),
        ),
    ],
)
def test_a_method_that_a_provider_lacks_is_refused(name: str, method: str, there: str) -> None:
    """Naming those that it has, before the message is even read."""
    with pytest.raises(UnsupportedMethod) as refused:
        built(ACCOUNTS[name], method, {})
    assert str(refused.value) == there


@pytest.mark.parametrize(
    ("name", "method", "message", "paths"),
    [
        ("trakio", "track", {"user_id": "u", "event": "E", "traits": {}}, ["track.traits"]),
        (
            "trophy",
            "identify",
            {"user_id": "u", "anonymous_id": "a"},
            ["identify.anonymous_id"],
        ),
        ("segment", "delete", {"user_id": "u", "traits": {"email": "x"}}, ["delete.traits"]),
    ],
)
def test_a_field_without_a_place_is_refused(
    name: str, method: str, message: Json, paths: list[str]
) -> None:
    """All of them are named: nothing is dropped in silence."""
    provider = ACCOUNTS[name]

    told = refusal(provider, method, message)

    assert told == dict.fromkeys(
        paths, f"cannot be sent: {provider.title} has no field for it; remove it"
    )


@pytest.mark.parametrize(
    ("name", "method", "message"),
    [
        ("trakio", "identify", {"user_id": "u"}),
        ("trakio", "track", {"user_id": "u", "event": "E"}),
        ("trakio", "annotate", {"event": "E"}),
        ("trophy", "metric", {"key": "k", "user": {"id": "u"}, "value": 1}),
        ("segment", "delete", {"user_id": "u"}),
    ],
)
def test_strict_false_leaves_out_what_has_no_place(name: str, method: str, message: Json) -> None:
    """An unknown key cannot be passed on; the delivery names it."""
    provider = ACCOUNTS[name]
    given = {**message, "colour": "red"}
    delivery = delivery_of(provider, method, given, strict=False)

    sent = provider.build(delivery)

    assert sent == built(provider, method, message)
    assert delivery.left_out == {"colour"}


def test_integrations_need_no_place() -> None:
    """The worker itself obeys them."""
    message = {"user_id": "u", "integrations": {"All": True}}

    for strict in (True, False):
        delivery = delivery_of(ACCOUNTS["trophy"], "identify", message, strict=strict)
        assert ACCOUNTS["trophy"].build(delivery).body == {}
        assert delivery.left_out == set()


def test_null_needs_no_place() -> None:
    message = {"user_id": "u", "anonymous_id": None, "integrations": None}

    assert built(ACCOUNTS["trophy"], "identify", message).body == {}


def test_a_body_is_compact_json() -> None:
    """In UTF-8, as its size is counted."""
    assert (
        HttpRequest("POST", "x", {"é": [1, None, "ü"]}).content() == '{"é":[1,null,"ü"]}'.encode()
    )
    assert HttpRequest("GET", "x").content() is None


def test_what_json_cannot_say_is_a_matter_of_validation() -> None:
    """Where a caller of the library builds a delivery itself."""
    call = Call(method="POST", path="/x", body=float("nan"))

    with pytest.raises(ValidationError, match="call is not a finite number"):
        ACCOUNTS["trophy"].build(Delivery("call", call, SENT_AT))
