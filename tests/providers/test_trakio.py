"""Trak.io: an endpoint for each kind of message, and errors in the body of a 200."""

import pytest

from durable_analytics.errors import DeliveryError, RateLimited, Rejected, Unauthorized, Unavailable
from durable_analytics.providers import Answer, HttpRequest
from tests.conftest import Json
from tests.providers.building import ACCOUNTS, COMMON, Golden, built, calls, refusal

TRAKIO = ACCOUNTS["trakio"]
TOKEN = {"X-Trakio-Token": "trakio-token"}

PROPERTIES: Json = {"some_key": None, "revenue": 9.5}
CONTEXT: Json = {"ip": "192.0.2.10", "userAgent": "Mozilla/5.0", "my_key": {"a_b": 1}}
GIVEN: Json = {"message_id": "m-2", "timestamp": "2025-12-24T20:00:00+01:00"}


def full(
    method: str, message: Json, endpoint: str, data: Json, context: Json | None = None
) -> Golden:
    """A message with all its fields, and the data that it becomes."""
    request = HttpRequest("POST", f"https://api.trak.io/v1/{endpoint}", {"data": data})
    return Golden(method, "full", {**GIVEN, **message}, request, TOKEN, context or {})


def least(method: str, message: Json, endpoint: str, data: Json) -> Golden:
    """A message with no more than it must have."""
    request = HttpRequest("POST", f"https://api.trak.io/v1/{endpoint}", {"data": data})
    return Golden(method, "least", message, request, TOKEN)


SENT_CONTEXT: Json = {"ip": "192.0.2.10", "user_agent": "Mozilla/5.0", "my_key": {"a_b": 1}}

GOLDEN = [
    full(
        "identify",
        {"user_id": "u-1", "traits": PROPERTIES},
        "identify",
        {"distinct_id": "u-1", "properties": PROPERTIES},
    ),
    least(
        "identify",
        {"anonymous_id": "a-1"},
        "identify",
        {"distinct_id": "a-1", "properties": {}},
    ),
    full(
        "track",
        {
            "user_id": "u-1",
            "event": "Signed Up",
            "properties": PROPERTIES,
            "channel": "web_site",
            "company_id": "c-1",
        },
        "track",
        {
            "distinct_id": "u-1",
            "event": "Signed Up",
            "properties": PROPERTIES,
            "channel": "web_site",
            "company_id": "c-1",
            "context": SENT_CONTEXT,
            "time": "2025-12-24T20:00:00+01:00",
        },
        CONTEXT,
    ),
    least(
        "track",
        {"anonymous_id": "a-1", "event": "E"},
        "track",
        {"distinct_id": "a-1", "event": "E", "time": COMMON["timestamp"]},
    ),
    full(
        "group",
        {"user_id": "u-1", "group_id": "g-1", "traits": PROPERTIES},
        "company",
        {"company_id": "g-1", "properties": PROPERTIES, "people_distinct_ids": ["u-1"]},
    ),
    least(
        "group",
        {"anonymous_id": "a-1", "group_id": "g-1"},
        "company",
        {"company_id": "g-1", "properties": {}, "people_distinct_ids": ["a-1"]},
    ),
    full(
        "alias",
        {"previous_user_id": "a-1", "new_user_id": ["u-1", "u-2"]},
        "alias",
        {"distinct_id": "a-1", "alias": ["u-1", "u-2"]},
    ),
    least(
        "alias",
        {"previous_user_id": "a-1", "new_user_id": "u-1"},
        "alias",
        {"distinct_id": "a-1", "alias": "u-1"},
    ),
    full(
        "page",
        {"user_id": "u-1", "name": "Home", "category": "Docs", "properties": PROPERTIES},
        "track",
        {
            "distinct_id": "u-1",
            "event": "Page view",
            "properties": {**PROPERTIES, "name": "Home", "category": "Docs"},
            "context": SENT_CONTEXT,
            "time": "2025-12-24T20:00:00+01:00",
        },
        CONTEXT,
    ),
    least(
        "page",
        {"user_id": "u-1", "properties": {"url": "/"}},
        "track",
        {
            "distinct_id": "u-1",
            "event": "Page view",
            "properties": {"url": "/"},
            "time": COMMON["timestamp"],
        },
    ),
    full(
        "annotate",
        {"event": "Deployed", "properties": PROPERTIES, "channel": "docs"},
        "annotate",
        {"event": "Deployed", "properties": PROPERTIES, "channel": "docs"},
    ),
    least("annotate", {"event": "Deployed"}, "annotate", {"event": "Deployed"}),
    *calls("https://api.trak.io/v1", TOKEN),
]

PERSON: Json = {"user_id": "u-1"}


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("identify", PERSON),
        ("track", {**PERSON, "event": "E"}),
        ("group", {**PERSON, "group_id": "g-1"}),
        ("page", {**PERSON, "name": "Home"}),
    ],
)
def test_one_id_a_message(method: str, message: Json) -> None:
    """Trak.io keeps two ids apart until they are aliased."""
    assert refusal(TRAKIO, method, {**message, "anonymous_id": "a-1"}) == {
        f"{method}.anonymous_id": (
            "has no place at Trak.io beside user_id: leave it out, or send an alias"
        )
    }


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("identify", PERSON),
        ("group", {**PERSON, "group_id": "g-1"}),
        ("alias", {"previous_user_id": "a-1", "new_user_id": "u-1"}),
        ("annotate", {"event": "Deployed"}),
    ],
)
def test_only_events_have_a_context(method: str, message: Json) -> None:
    """Every field of it that is lost is named, but the library's name."""
    context = {"library": {"name": "shop"}, "ip": "192.0.2.1", "userAgent": "x"}

    assert refusal(TRAKIO, method, message, context=context) == {
        "context.ip": "has no place at Trak.io: leave it out",
        "context.user_agent": "has no place at Trak.io: leave it out",
    }
    assert built(TRAKIO, method, message, context={"library": {"name": "shop"}}) == built(
        TRAKIO, method, message
    )


@pytest.mark.parametrize("field", ["name", "category"])
def test_a_page_keeps_both_of_two_names(field: str) -> None:
    """The field takes the property's place, so a different property is refused, not dropped."""
    page = {**PERSON, "name": "Home", "category": "Docs"}
    same = built(TRAKIO, "page", {**page, "properties": {field: page[field]}})
    assert same == built(TRAKIO, "page", page)

    assert refusal(TRAKIO, "page", {**page, "properties": {field: "Other"}}) == {
        f"page.properties.{field}": f"differs from page.{field}, which takes its place"
    }


@pytest.mark.parametrize(
    ("code", "type_", "words"),
    [
        (400, Rejected, "400: an error in the body of a 2xx"),
        (
            401,
            Unauthorized,
            "401: an error in the body of a 2xx; check the integration's credentials",
        ),
        (402, Rejected, "402: an error in the body of a 2xx"),
        (404, Rejected, "404: an error in the body of a 2xx"),
        (429, RateLimited, "429: an error in the body of a 2xx"),
        (500, Unavailable, "500: an error in the body of a 2xx"),
        (503, Unavailable, "503: an error in the body of a 2xx"),
        (200, Rejected, "200 with an error in the body"),
        ("500", Rejected, "200 with an error in the body"),
        (None, Rejected, "200 with an error in the body"),
    ],
)
def test_an_error_in_a_200_is_a_failure(
    code: object, type_: type[DeliveryError], words: str
) -> None:
    """The body's code decides; without one it is final."""
    body = {"status": "error", "code": code, "exception": "X", "message": "no"}

    failure = TRAKIO.read(Answer(200, body=body))

    assert (type(failure), str(failure)) == (type_, f"Trak.io answered {words}")


def test_the_status_of_a_failure_counts_more_than_its_body() -> None:
    failure = TRAKIO.read(Answer(503, body={"status": "error", "code": 400}))

    assert isinstance(failure, Unavailable)


@pytest.mark.parametrize("body", [{"status": "success"}, {"status": "unsure"}, [], None, "error"])
def test_the_benefit_of_the_doubt_is_success(body: object) -> None:
    """202, or a 200 without an error in it."""
    assert TRAKIO.read(Answer(202, body=body)) is None
    assert TRAKIO.read(Answer(200, body=body)) is None
