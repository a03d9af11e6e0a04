"""Google Analytics 4's events: names, values, times, products and client ids."""

from datetime import timedelta
from typing import Any

import pytest

from durable_analytics.errors import ValidationError
from tests.providers.building import (
    SENT_AT,
    built,
    delivery_of,
    refusal,
)
from tests.support.goldens.ga4 import A_1, ENGAGED, GA4, PERSON, U_1
from tests.support.json_objects import Json


def event(track: Json, **input: Any) -> Json:
    """Return the event of a track."""
    (found,) = built(GA4, "track", {**PERSON, **track}, **input).body["events"]
    return dict(found)


@pytest.mark.parametrize(
    ("ids", "client_id"),
    [
        ({"anonymous_id": "1234567890.1700000000"}, "1234567890.1700000000"),
        ({"anonymous_id": "GA1.2.1234567890.1700000000"}, "1234567890.1700000000"),
        ({"user_id": "12.34"}, "12.34"),
        ({"user_id": "u-1", "anonymous_id": "12.34"}, "12.34"),
        ({"user_id": "u-1", "anonymous_id": "a-1"}, A_1),
        ({"anonymous_id": "a-1"}, A_1),
        ({"user_id": "u-1"}, U_1),
    ],
)
def test_a_client_id_is_two_numbers(ids: Json, client_id: str) -> None:
    """An id of Google's tag is kept; other ids are hashed."""
    body = built(GA4, "track", {**ids, "event": "E"}).body

    assert (body["client_id"], body.get("user_id")) == (client_id, ids.get("user_id"))


PRODUCT: Json = {"product_id": "p-1", "name": "Tea", "price": 4.5, "quantity": 2, "position": 3}


ITEM: Json = {"item_id": "p-1", "item_name": "Tea", "price": 4.5, "quantity": 2, "index": 3}


SEMANTIC: list[tuple[str, Json, str, Json]] = [
    (
        "Order Completed",
        {
            "order_id": "o-1",
            "revenue": 9.0,
            "total": 12.5,
            "shipping": 2.5,
            "tax": 1.0,
            "currency": "EUR",
            "coupon": "SPRING",
            "products": [PRODUCT, {"name": "Cup", "brand": "B", "category": "C", "variant": "V"}],
        },
        "purchase",
        {
            "transaction_id": "o-1",
            "value": 9.0,
            "revenue": 9.0,
            "total": 12.5,
            "shipping": 2.5,
            "tax": 1.0,
            "currency": "EUR",
            "coupon": "SPRING",
            "items": [
                ITEM,
                {
                    "item_name": "Cup",
                    "item_brand": "B",
                    "item_category": "C",
                    "item_variant": "V",
                },
            ],
        },
    ),
    (
        "Order Completed",
        {"total": 12.5},
        "purchase",
        {"total": 12.5, "value": 12.5, "currency": "USD", "transaction_id": "m-1"},
    ),
    (
        "Order Refunded",
        {"order_id": "o-1", "value": 5, "currency": "EUR"},
        "refund",
        {"transaction_id": "o-1", "value": 5, "currency": "EUR"},
    ),
    (
        "Product Added",
        {**PRODUCT, "cart_id": "c-1"},
        "add_to_cart",
        {"cart_id": "c-1", "items": [ITEM]},
    ),
    ("Product Removed", PRODUCT, "remove_from_cart", {"items": [ITEM]}),
    ("Product Viewed", PRODUCT, "view_item", {"items": [ITEM]}),
    ("Product Clicked", PRODUCT, "select_item", {"items": [ITEM]}),
    ("Product Added to Wishlist", PRODUCT, "add_to_wishlist", {"items": [ITEM]}),
    (
        "Product List Viewed",
        {"list_id": "l-1", "category": "Tea", "products": [PRODUCT]},
        "view_item_list",
        {"item_list_id": "l-1", "item_list_name": "Tea", "items": [ITEM]},
    ),
    ("Cart Viewed", {"products": [PRODUCT]}, "view_cart", {"items": [ITEM]}),
    (
        "Checkout Started",
        {"order_id": "o-1", "value": 9, "products": [PRODUCT]},
        "begin_checkout",
        {"transaction_id": "o-1", "value": 9, "items": [ITEM]},
    ),
    (
        "Payment Info Entered",
        {"payment_method": "card"},
        "add_payment_info",
        {"payment_type": "card"},
    ),
    ("Products Searched", {"query": "tea"}, "search", {"search_term": "tea"}),
    (
        "Promotion Viewed",
        {"promotion_id": "x-1", "creative": "top", "name": "Spring", "position": "home"},
        "view_promotion",
        {
            "promotion_id": "x-1",
            "creative_slot": "top",
            "promotion_name": "Spring",
            "location_id": "home",
        },
    ),
    ("Promotion Clicked", {"promotion_id": "x-1"}, "select_promotion", {"promotion_id": "x-1"}),
    ("Signed Up", {"type": "organic"}, "sign_up", {"method": "organic"}),
    ("Signed In", {}, "login", {}),
]
"""The events of Segment's specification, as Google's recommended ones.

Segment's own integration differs on purpose in these: it takes an order's `total` for its value,
where Google wants the value without shipping and tax, which is `revenue`; it refuses an order
without an order id or a currency; it leaves all properties out that it has no field for; its
client id is the user id as it is, where Google wants two numbers and the browser's id.
"""


@pytest.mark.parametrize(("name", "properties", "sent", "parameters"), SEMANTIC)
def test_a_semantic_event_becomes_the_recommended_event(
    name: str, properties: Json, sent: str, parameters: Json
) -> None:
    assert event({"event": name, "properties": properties}) == {
        "name": sent,
        "params": {**parameters, **ENGAGED},
    }


def test_a_repeated_order_counts_once() -> None:
    """The message id is the transaction id if the order has no id."""
    order = event({"event": "Order Completed", "message_id": "m-7", "properties": {"revenue": 1}})

    assert order["params"]["transaction_id"] == "m-7"


def test_callers_can_set_engagement_and_session() -> None:
    properties = {"engagement_time_msec": 1200, "session_id": "1700000000"}

    assert event({"event": "E", "properties": properties})["params"] == properties


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "1st Order",
            "must have a name of letters, digits and underscores that begins with a letter",
        ),
        (
            "Order: Paid",
            "must have a name of letters, digits and underscores that begins with a letter",
        ),
        ("x" * 41, "must have a name of at most 40 characters"),
        ("_private", "is a reserved name"),
        ("firebase_x", "is a reserved name"),
        ("session_start", "is a reserved name"),
        ("screen_view", "is a reserved name"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_an_event_that_google_would_ignore_is_refused(
    name: str, problem: str, *, strict: bool
) -> None:
    """This does not depend on `strict`: the event would be lost without an error."""
    errors = refusal(GA4, "track", {**PERSON, "event": name}, strict=strict)

    assert errors == {"track.event": f"{problem} at Google Analytics 4"}


SCALAR = "must be text, a number, true or false at Google Analytics 4"


NAME = (
    "must have a name of letters, digits and underscores that begins with a letter"
    " at Google Analytics 4"
)


RESERVED = "is a reserved name at Google Analytics 4"


PROBLEMS: list[tuple[Json, dict[str, str]]] = [
    (
        {
            "properties": {
                "a": None,
                "b": [1],
                "c": {},
                "d e": 1,
                "ga_x": 1,
                "firebase_conversion": 1,
            }
        },
        {
            "properties.a": SCALAR,
            "properties.b": SCALAR,
            "properties.c": SCALAR,
            "properties.d e": NAME,
            "properties.ga_x": RESERVED,
            "properties.firebase_conversion": RESERVED,
        },
    ),
    (
        {"traits": {"user_id": "u", "x" * 25: 1, "bio": "x" * 37, "list": [1]}},
        {
            "traits.user_id": RESERVED,
            f"traits.{'x' * 25}": (
                "must have a name of at most 24 characters at Google Analytics 4"
            ),
            "traits.bio": "must have at most 36 characters at Google Analytics 4",
            "traits.list": SCALAR,
        },
    ),
    (
        {"traits": {f"t{n}": n for n in range(26)}},
        {"traits.t25": "is one too many: only 25 are possible at Google Analytics 4"},
    ),
    (
        {"properties": {f"p{n}": n for n in range(25)}},
        {"properties": "gives 26 parameters; Google Analytics 4 accepts 25"},
    ),
]


@pytest.mark.parametrize(("fields", "problems"), PROBLEMS)
def test_a_value_that_google_would_ignore_is_refused(
    fields: Json, problems: dict[str, str]
) -> None:
    """The error names all invalid values."""
    assert refusal(GA4, "track", {**PERSON, "event": "E", **fields}) == {
        f"track.{path}": problem for path, problem in problems.items()
    }


@pytest.mark.parametrize(("fields", "problems"), PROBLEMS)
def test_strict_false_leaves_such_a_value_out(fields: Json, problems: dict[str, str]) -> None:
    message = {**PERSON, "event": "E", **fields}
    delivery = delivery_of(GA4, "track", message, strict=False)

    body = GA4.build(delivery).body

    assert delivery.left_out == {*problems}
    assert len(body["events"][0]["params"]) <= 25
    assert len(body.get("user_properties", {})) <= 25


@pytest.mark.parametrize(
    ("products", "problems"),
    [
        ([{"price": 1}], {"0": "must be an object with product_id or name at Google Analytics 4"}),
        (
            [PRODUCT, "tea"],
            {"1": "must be an object with product_id or name at Google Analytics 4"},
        ),
        ([{**PRODUCT, "tags": ["a"]}], {"0.tags": SCALAR}),
    ],
)
def test_a_product_that_google_would_ignore_is_refused(
    products: list[Any], problems: dict[str, str]
) -> None:
    order = {**PERSON, "event": "Order Completed", "properties": {"products": products}}

    assert refusal(GA4, "track", order) == {
        f"track.properties.products.{path}": problem for path, problem in problems.items()
    }


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(("method", "fields"), [("track", {"event": "E"}), ("page", {"name": "N"})])
def test_a_time_more_than_72_hours_ago_is_refused(
    method: str, fields: Json, *, strict: bool
) -> None:
    """This is checked at each attempt: Google would move or drop an older event."""
    oldest = SENT_AT - timedelta(hours=72)
    message = {**PERSON, **fields}

    kept = built(GA4, method, {**message, "timestamp": oldest.isoformat()}, strict=strict)
    errors = refusal(
        GA4,
        method,
        {**message, "timestamp": (oldest - timedelta(seconds=1)).isoformat()},
        strict=strict,
    )

    assert kept.body["timestamp_micros"] == int(oldest.timestamp()) * 1_000_000 + 250_000
    assert errors == {
        f"{method}.timestamp": ("must not be more than 72 hours ago at Google Analytics 4")
    }


def test_a_context_without_a_field_is_refused() -> None:
    """The error names each field. The path of a page is sent only as a part of its URL."""
    context = {"locale": "en-US", "page": {"path": "/", "initial_referrer": "x"}}

    assert refusal(GA4, "track", {**PERSON, "event": "E"}, context={"locale": "en-US"}) == {
        "context.locale": "cannot be sent: Google Analytics 4 has no field for it; remove it"
    }
    delivery = delivery_of(GA4, "track", {**PERSON, "event": "E"}, strict=False, context=context)
    GA4.build(delivery)
    names = {"context.locale", "context.page.initial_referrer", "context.page.path"}
    assert delivery.left_out == names


@pytest.mark.parametrize(("surplus", "is_refused"), [(0, False), (1, True)])
def test_a_request_has_at_most_130_kb(surplus: int, is_refused: bool) -> None:
    track = {**PERSON, "event": "E", "properties": {"x": ""}}
    left = 130_000 - len(built(GA4, "track", track).content() or b"")
    delivery = delivery_of(GA4, "track", {**track, "properties": {"x": "x" * (left + surplus)}})

    if is_refused:
        with pytest.raises(
            ValidationError, match="130001 bytes, and Google Analytics 4 accepts 130000"
        ):
            GA4.build(delivery)
    else:
        assert len(GA4.build(delivery).content() or b"") == 130_000
