"""Braze's attributes, events and purchases: names, limits and the products of orders."""

from typing import Any

import pytest

from tests.providers.building import (
    built,
    delivery_of,
    refusal,
)
from tests.support.goldens.braze import ALIAS, BRAZE, ORDER, PERSON, SENT_PERSON, TIME, order
from tests.support.json_objects import Json

PURCHASES: list[Json] = [
    {
        "product_id": "p-1",
        "currency": "EUR",
        "price": 4.5,
        "quantity": 3,
        "properties": {"name": "Tea", "coupon": "SPRING", "order_id": "o-1", "revenue": 23.5},
    },
    {
        "product_id": "2",
        "currency": "GBP",
        "price": 10,
        "quantity": 1,
        "properties": {"coupon": "SPRING", "order_id": "o-1", "revenue": 23.5},
    },
]


def test_an_order_becomes_a_purchase_for_each_product() -> None:
    """A purchase has the order's properties, and the order's currency if the product has none."""
    (body,) = [built(BRAZE, "track", order(ORDER)).body]

    assert body == {
        "purchases": [{**SENT_PERSON, "time": TIME, **purchase} for purchase in PURCHASES]
    }


@pytest.mark.parametrize(
    ("properties", "purchase"),
    [
        (
            {"order_id": "o-1", "revenue": 23.5, "total": 30, "currency": "EUR"},
            {"product_id": "o-1", "currency": "EUR", "price": 23.5, "quantity": 1},
        ),
        (
            {"total": 30, "products": []},
            {"product_id": "Order Completed", "currency": "USD", "price": 30, "quantity": 1},
        ),
    ],
)
def test_an_order_without_products_is_one_purchase(properties: Json, purchase: Json) -> None:
    (found,) = built(BRAZE, "track", order(properties)).body["purchases"]

    assert {name: found[name] for name in purchase} == purchase


def test_an_order_without_a_price_is_an_event() -> None:
    """Without a price, there is no revenue to report."""
    body = built(BRAZE, "track", order({"order_id": "o-1"})).body

    assert body == {
        "events": [
            {
                **SENT_PERSON,
                "name": "Order Completed",
                "time": TIME,
                "properties": {"order_id": "o-1"},
            }
        ]
    }


def test_it_differs_from_segments_integration_on_purpose() -> None:
    """This provider uses the order's currency, and does not send the header `X-Braze-Batch`.

    Segment's integration sends USD for a product without a currency, even if the order has one. It
    adds the header, which Braze's reference does not mention, to requests with several objects. It
    sends `receivedAt` as the time, and this provider the time of the message. It refuses orders
    without products, and anonymous persons, for whom this provider uses an alias. It sends no pages
    and no groups.
    """
    request = built(BRAZE, "track", order(ORDER))

    assert [purchase["currency"] for purchase in request.body["purchases"]] == ["EUR", "GBP"]
    assert request.headers == {}


@pytest.mark.parametrize(
    ("gender", "sent"),
    [
        ("male", "M"),
        ("Woman", "F"),
        ("other", "O"),
        ("not applicable", "N"),
        ("Prefer not to say", "P"),
        ("F", "F"),
        ("unknown", "unknown"),
        (None, None),
    ],
)
def test_a_gender_is_a_letter(gender: str | None, sent: str | None) -> None:
    (found,) = built(BRAZE, "identify", {**PERSON, "traits": {"gender": gender}}).body["attributes"]

    assert found["gender"] == sent


RESERVED = "is a reserved name at Braze"


IDENTIFYING = "is a reserved name at Braze: use user_id or anonymous_id"


@pytest.mark.parametrize(
    ("method", "message", "problems"),
    [
        (
            "identify",
            {**PERSON, "traits": {"external_id": "u-2", "user_alias": {}, "braze_id": "b"}},
            {f"traits.{name}": IDENTIFYING for name in ("external_id", "user_alias", "braze_id")},
        ),
        (
            "identify",
            {**PERSON, "traits": {"firstName": "Ada", "first_name": "A", "$x": 1}},
            {
                "traits.firstName": "is the same attribute as first_name at Braze: remove one",
                "traits.$x": 'must have a name that does not begin with "$" at Braze',
            },
        ),
        (
            "track",
            {**PERSON, "event": "E", "properties": {"time": 1, "event_name": 1, "price": 2}},
            {"properties.time": RESERVED, "properties.event_name": RESERVED},
        ),
        (
            "track",
            order({"revenue": 1, "price": 2, "quantity": 3}),
            {"properties.price": RESERVED, "properties.quantity": RESERVED},
        ),
        (
            "page",
            {**PERSON, "name": "Home", "properties": {"x" * 256: 1}},
            {f"properties.{'x' * 180}…": "must have a name of 1 to 255 characters at Braze"},
        ),
        (
            "track",
            {**PERSON, "anonymous_id": "a-1", "event": "E"},
            {
                "anonymous_id": (
                    "cannot be sent beside user_id: Braze accepts one id; "
                    "remove it, or send an alias"
                )
            },
        ),
    ],
)
def test_unsupported_values_are_refused_or_left_out(
    method: str, message: Json, problems: dict[str, str]
) -> None:
    """A strict input is refused; with `"strict": false`, the message is sent without the value."""
    errors = refusal(BRAZE, method, message)
    delivery = delivery_of(BRAZE, method, message, strict=False)
    BRAZE.build(delivery)

    assert [*errors.values()] == [problems[path] for path in sorted(problems)]
    assert len(delivery.left_out) == len(problems)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("products", "problems"),
    [
        (["tea"], {"0": "must be an object"}),
        (
            [{"price": "4.50", "quantity": 101}],
            {
                "0.product_id": "is required at Braze, with at most 255 characters",
                "0.price": "must be a number at Braze, like 19.99",
                "0.quantity": "must be a whole number from 1 to 100 at Braze",
            },
        ),
        (
            [{"product_id": "p", "price": 1}, {"product_id": "p", "price": None}],
            {"1.price": "must be a number at Braze, like 19.99"},
        ),
    ],
)
def test_an_invalid_product_is_refused(
    products: list[Any], problems: dict[str, str], *, strict: bool
) -> None:
    assert refusal(BRAZE, "track", order({"products": products}), strict=strict) == {
        f"track.properties.products.{path}": problem for path, problem in problems.items()
    }


@pytest.mark.parametrize(
    ("method", "message", "problems"),
    [
        (
            "track",
            {**PERSON, "event": "x" * 256},
            {"track.event": "must have at most 255 characters at Braze"},
        ),
        (
            "track",
            order({"products": [{"product_id": "p", "price": 1}] * 76}),
            {"track.properties.products": "has 76 products; Braze accepts 75"},
        ),
        (
            "alias",
            {**ALIAS, "new_user_id": ["u-1", "u-2"]},
            {"alias.new_user_id": "must be one id, not a list, at Braze"},
        ),
    ],
)
def test_a_message_above_a_limit_is_refused(
    method: str, message: Json, problems: dict[str, str]
) -> None:
    assert refusal(BRAZE, method, message) == problems


def test_an_instance_has_an_address_of_its_own() -> None:
    """There is no default URL: each instance has its own keys."""
    with pytest.raises(ValueError, match="base_url"):
        type(BRAZE).model_validate({"api_key": "k"})


LOCATION: Json = {"country": "DE", "latitude": 52.5, "longitude": 13.4}


def test_the_location_of_an_identify_is_sent() -> None:
    """Braze has attributes for the country and the place; a trait of the same name has priority."""
    (found,) = built(BRAZE, "identify", PERSON, context={"location": LOCATION}).body["attributes"]
    message = {**PERSON, "traits": {"country": "AT"}}
    delivery = delivery_of(BRAZE, "identify", message, context={"location": LOCATION})

    assert found["country"] == "DE"
    assert found["current_location"] == {"latitude": 52.5, "longitude": 13.4}
    assert BRAZE.item(delivery)["country"] == "AT"
    assert delivery.left_out == {"context.location.country"}


def test_half_a_location_is_refused_or_left_out() -> None:
    context = {"location": {"latitude": 52.5}}
    delivery = delivery_of(BRAZE, "identify", PERSON, context=context, strict=False)

    assert list(refusal(BRAZE, "identify", PERSON, context=context)) == [
        "context.location.latitude"
    ]
    assert "current_location" not in BRAZE.item(delivery)
    assert delivery.left_out == {"context.location.latitude"}


def test_events_have_no_location() -> None:
    context = {"location": LOCATION}

    assert list(refusal(BRAZE, "track", {**PERSON, "event": "E"}, context=context)) == [
        "context.location"
    ]
