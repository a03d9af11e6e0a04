"""Amplitude's events: ids, properties, revenue and the context of messages."""

from typing import Any

import pytest

from tests.providers.building import (
    delivery_of,
    refusal,
)
from tests.support.goldens.amplitude import AMPLITUDE, COMMON, TRACK, USER
from tests.support.json_objects import Json


def event(message: Json, method: str = "track", **input: Any) -> Json:
    """Return the event of a message."""
    return AMPLITUDE.item(delivery_of(AMPLITUDE, method, message, **input))


SHORT = (
    "has fewer than 5 characters, and Amplitude would drop it: "
    "use a longer id, or set the integration's min_id_length"
)


PLACEHOLDER = "is a placeholder, which Amplitude drops: use the id of one person"


@pytest.mark.parametrize(
    ("ids", "problems"),
    [
        ({"user_id": "u-12"}, {"user_id": SHORT}),
        ({"anonymous_id": "a-12"}, {"anonymous_id": SHORT}),
        ({"user_id": "user-1", "anonymous_id": "a"}, {"anonymous_id": SHORT}),
        ({"user_id": "unknown"}, {"user_id": PLACEHOLDER}),
        ({"user_id": "NULL", "anonymous_id": "-1"}, dict.fromkeys(("user_id", "anonymous_id"))),
        (
            {"user_id": "00000000-0000-0000-0000-000000000000"},
            {"user_id": PLACEHOLDER},
        ),
    ],
)
def test_ids_that_amplitude_drops_are_refused(ids: Json, problems: Json) -> None:
    errors = refusal(AMPLITUDE, "track", {"event": "E", **ids})

    expected = {f"track.{name}": words or PLACEHOLDER for name, words in problems.items()}
    assert errors == expected


def test_strict_false_leaves_out_an_invalid_id_beside_a_valid_one() -> None:
    """The invalid id is reported. If it is the only id, the message is refused."""
    message = {"event": "E", "user_id": "user-1", "anonymous_id": "a"}
    delivery = delivery_of(AMPLITUDE, "track", message, strict=False)

    assert "device_id" not in AMPLITUDE.item(delivery)
    assert delivery.left_out == {"anonymous_id"}
    assert refusal(AMPLITUDE, "track", {"event": "E", "user_id": "u"}, strict=False) == {
        "track.user_id": SHORT
    }


@pytest.mark.parametrize(
    ("alias", "path"),
    [
        ({"previous_user_id": "abc", "new_user_id": "user-1"}, "alias.previous_user_id"),
        ({"previous_user_id": "user-1", "new_user_id": "anonymous"}, "alias.new_user_id"),
        ({"previous_user_id": "user-1", "new_user_id": ["user-2"]}, "alias.new_user_id"),
    ],
)
def test_an_alias_needs_two_ids(alias: Json, path: str) -> None:
    assert list(refusal(AMPLITUDE, "alias", alias)) == [path]


@pytest.mark.parametrize(
    ("device_id", "ids", "paths"),
    [
        ("device-1", {"anonymous_id": "another"}, ["track.anonymous_id"]),
        ("abc", {"user_id": "user-1"}, ["context.device.id"]),
        (7, {"user_id": "user-1"}, ["context.device.id"]),
    ],
)
def test_the_device_id_of_the_context_replaces_the_anonymous_id(
    device_id: Any, ids: Json, paths: list[str]
) -> None:
    """Segment does the same. An id that is not sent is reported."""
    context = {"device": {"id": device_id}}
    message = {"user_id": "user-1", "event": "E", **ids}

    assert list(refusal(AMPLITUDE, "track", message, context=context)) == paths
    delivery = delivery_of(AMPLITUDE, "track", message, context=context, strict=False)
    sent = AMPLITUDE.item(delivery)
    assert sent.get("device_id") == (device_id if "anonymous_id" in ids else None)
    assert [f"track.{name}" if "." not in name else name for name in delivery.left_out] == paths


@pytest.mark.parametrize(
    ("properties", "fields"),
    [
        ({"revenue": 0}, {}),
        ({"price": 9.5, "quantity": 2}, {}),
        ({"revenue": -5}, {"revenue": -5, "revenueType": "Purchase"}),
        (
            {"revenue": 30, "price": 9.5, "quantity": 2, "products": [{"product_id": "p-1"}]},
            {"revenue": 30, "revenueType": "Purchase"},
        ),
        (
            {"revenue": 9, "productId": "p-1", "revenueType": "Renewal", "currency": "GBP"},
            {"revenue": 9, "productId": "p-1", "revenueType": "Renewal", "currency": "GBP"},
        ),
    ],
)
def test_revenue_is_sent_without_price_and_quantity(properties: Json, fields: Json) -> None:
    """Amplitude would use the product of price and quantity instead of the revenue."""
    sent = event({**USER, "event": "Order Completed", "properties": properties})

    assert sent == {
        **USER,
        "event_type": "Order Completed",
        **COMMON,
        "event_properties": properties,
        **fields,
    }


@pytest.mark.parametrize(
    ("traits", "changes"),
    [
        ({"a": 1, "b": None}, {"$set": {"a": 1}, "$unset": {"b": "-"}}),
        ({"$add": {"logins": 1}}, {"$add": {"logins": 1}}),
        ({"$set": {"a": 1}, "$setOnce": {"b": 2}}, {"$set": {"a": 1}, "$setOnce": {"b": 2}}),
        ({}, None),
    ],
)
def test_traits_are_operations(traits: Json, changes: Json | None) -> None:
    sent = event({**USER, "traits": traits}, "identify")

    assert sent.get("user_properties") == changes


def test_properties_beside_operations_are_refused() -> None:
    """Amplitude would drop the properties."""
    traits = {"$add": {"logins": 1}, "plan": "pro"}

    assert refusal(AMPLITUDE, "identify", {**USER, "traits": traits}) == {
        "identify.traits.plan": (
            "cannot be sent beside operations such as $add at Amplitude: move it into $set"
        )
    }


@pytest.mark.parametrize("name", ["$identify", "[Amplitude] Revenue"])
@pytest.mark.parametrize("strict", [True, False])
def test_reserved_names_are_refused(name: str, strict: bool) -> None:
    assert refusal(AMPLITUDE, "track", {**USER, "event": name}, strict=strict) == {
        "track.event": "is a name that Amplitude reserves: use another"
    }


def test_unsupported_context_is_refused_or_left_out() -> None:
    """The paths have the caller's spelling; fields of objects are named separately."""
    context = {"timezone": "Europe/London", "page": {"url": "/x", "referrer": "r"}}
    errors = refusal(AMPLITUDE, "track", TRACK, context=context)

    words = "cannot be sent: Amplitude has no field for it; remove it"
    assert errors == {"context.page.url": words, "context.timezone": words}
    lenient = {**context, "userAgent": "shop/1.2"}
    delivery = delivery_of(AMPLITUDE, "track", TRACK, context=lenient, strict=False)
    assert AMPLITUDE.item(delivery)["user_agent"] == "shop/1.2"
    assert delivery.left_out == {"context.page.url", "context.timezone"}


@pytest.mark.parametrize(
    ("context", "platform"),
    [
        ({"device": {"type": "Android"}}, "Android"),
        ({"device": {"type": "tv"}}, "tv"),
        ({"library": {"name": "analytics.js"}}, "Web"),
        ({}, None),
    ],
)
def test_platforms_are_spelled_as_amplitude_spells_them(
    context: Json, platform: str | None
) -> None:
    assert event(TRACK, context=context).get("platform") == platform


def test_a_message_above_1_mb_is_refused() -> None:
    errors = refusal(AMPLITUDE, "track", {**TRACK, "properties": {"x": "x" * 1_000_000}})

    assert errors["track"].endswith("Amplitude accepts 1000000")


@pytest.mark.parametrize(
    ("options", "session_id"),
    [
        ({"session_id": 1769851800123}, 1769851800123),
        ({"session_id": "1769851800123"}, 1769851800123),
        ({"session_id": "2026-01-31T09:30:00.123Z"}, 1769851800123),
        ({"sessionId": 7}, 7),
        ({"session_id": None}, None),
        (True, None),
    ],
)
@pytest.mark.parametrize("name", ["Actions Amplitude", "Amplitude", "amplitude"])
def test_the_session_of_segments_sdks_is_sent(
    name: str, options: Any, session_id: int | None
) -> None:
    """Segment's plugin for Amplitude sessions puts the start of the session into `integrations`."""
    sent = event({**TRACK, "integrations": {"All": True, name: options}})

    assert sent.get("session_id") == session_id


def test_a_session_that_is_no_time_is_refused_or_left_out() -> None:
    message = {**TRACK, "integrations": {"Actions Amplitude": {"session_id": "today"}}}
    path = "integrations.Actions Amplitude.session_id"
    delivery = delivery_of(AMPLITUDE, "track", message, strict=False)

    assert list(refusal(AMPLITUDE, "track", message)) == [f"track.{path}"]
    assert "session_id" not in AMPLITUDE.item(delivery)
    assert delivery.left_out == {path}


def test_a_campaign_without_a_value_is_not_sent() -> None:
    """A browser sends an empty referrer for a direct visit; `$setOnce` would keep it for ever."""
    context = {"page": {"referrer": ""}, "campaign": {"source": "news", "medium": ""}}

    assert event(TRACK, context=context)["user_properties"] == {
        "$set": {"utm_source": "news"},
        "$setOnce": {"initial_utm_source": "news"},
    }


@pytest.mark.parametrize(
    ("device", "sent", "left_out"),
    [
        ({"idfa": "ad-2"}, "ad-2", set()),
        ({"advertisingId": "ad-1", "idfa": "ad-2"}, "ad-1", {"context.device.idfa"}),
        ({"advertisingId": "ad-1", "idfa": "ad-1"}, "ad-1", set()),
    ],
)
def test_an_idfa_is_an_advertising_id(device: Json, sent: str, left_out: set[str]) -> None:
    """Older mobile SDKs of Segment send `idfa`; a different one beside the newer is reported."""
    delivery = delivery_of(AMPLITUDE, "track", TRACK, context={"device": device})
    found = AMPLITUDE.item(delivery)

    assert (found["adid"], found["idfa"]) == (sent, sent)
    assert delivery.left_out == left_out
