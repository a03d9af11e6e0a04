"""Trak.io: an endpoint for each kind of message, and errors in the body of a 200."""

import pytest

from durable_analytics.errors import DeliveryError, RateLimited, Rejected, Unauthorized, Unavailable
from durable_analytics.providers import HttpResponse
from tests.providers.building import ACCOUNTS, built, refusal
from tests.support.json_objects import Json

TRAKIO = ACCOUNTS["trakio"]


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
            "cannot be sent beside user_id: Trak.io accepts one id; remove it, or send an alias"
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
        "context.ip": "cannot be sent: Trak.io has no field for it; remove it",
        "context.user_agent": "cannot be sent: Trak.io has no field for it; remove it",
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
        f"page.properties.{field}": (
            f"conflicts with page.{field}: Trak.io has one field for both; remove one"
        )
    }


@pytest.mark.parametrize(
    ("code", "type_", "words"),
    [
        (400, Rejected, "400: an error in the body of a 2xx response"),
        (
            401,
            Unauthorized,
            "401: an error in the body of a 2xx response; check the integration's credentials",
        ),
        (402, Rejected, "402: an error in the body of a 2xx response"),
        (404, Rejected, "404: an error in the body of a 2xx response"),
        (429, RateLimited, "429: an error in the body of a 2xx response"),
        (500, Unavailable, "500: an error in the body of a 2xx response"),
        (503, Unavailable, "503: an error in the body of a 2xx response"),
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

    failure = TRAKIO.classify(HttpResponse(200, body=body))

    assert (type(failure), str(failure)) == (type_, f"Trak.io answered {words}")


def test_the_status_of_a_failure_counts_more_than_its_body() -> None:
    failure = TRAKIO.classify(HttpResponse(503, body={"status": "error", "code": 400}))

    assert isinstance(failure, Unavailable)


@pytest.mark.parametrize("body", [{"status": "success"}, {"status": "unsure"}, [], None, "error"])
def test_the_benefit_of_the_doubt_is_success(body: object) -> None:
    """202, or a 200 without an error in it."""
    assert TRAKIO.classify(HttpResponse(202, body=body)) is None
    assert TRAKIO.classify(HttpResponse(200, body=body)) is None
