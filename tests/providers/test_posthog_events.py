"""PostHog's events: ids, names, properties and times of messages."""

import pytest

from durable_analytics.providers._message_uuid import message_uuid
from tests.providers.building import (
    built,
    delivery_of,
    refusal,
)
from tests.support.goldens.posthog import HIDDEN, POSTHOG, TRACK, item
from tests.support.json_objects import Json


@pytest.mark.parametrize("message_id", ["0b2b6a0e-93f5-5a6c-b0f7-1d8d5b3a2c11", "m-1", "ä"])
def test_the_uuid_follows_from_the_message_id(message_id: str) -> None:
    """PostHog drops a repeated event only if it has the same uuid."""
    first, second = (item("track", {**TRACK, "message_id": message_id})["uuid"] for _ in range(2))

    assert first == second == message_uuid(message_id)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("field", ["user_id", "anonymous_id"])
def test_an_id_that_would_be_cut_is_refused(field: str, strict: bool) -> None:
    """A cut id could be the id of another person."""
    message = {"event": "E", field: "x" * 201}

    assert refusal(POSTHOG, "track", message, strict=strict) == {
        f"track.{field}": "must have at most 200 characters: PostHog cuts longer ids"
    }
    assert item("track", {"event": "E", field: "x" * 200})["distinct_id"] == "x" * 200


@pytest.mark.parametrize("id_", ["null", "Anonymous", " undefined ", "0", "[object Object]", "NaN"])
def test_placeholder_ids_are_not_connected(id_: str) -> None:
    """PostHog reports no error. With `"strict": false`, the user id is sent alone."""
    words = "is a placeholder: PostHog would drop the alias; use the id of one person"
    alias = {"previous_user_id": id_, "new_user_id": "u-1"}
    assert refusal(POSTHOG, "alias", alias) == {"alias.previous_user_id": words}
    assert refusal(POSTHOG, "alias", {"previous_user_id": "a", "new_user_id": id_}, strict=False)
    person = {"user_id": "u-1", "anonymous_id": id_}
    assert refusal(POSTHOG, "identify", person) == {
        "identify.anonymous_id": (
            "is a placeholder: PostHog would not connect it with the other id; "
            "use the id of one person"
        )
    }
    delivery = delivery_of(POSTHOG, "identify", person, strict=False)
    assert POSTHOG.build(delivery).body == item("identify", {"user_id": "u-1"})
    assert delivery.left_out == {"anonymous_id"}
    assert item("track", {"event": "E", **person})["distinct_id"] == "u-1"


def test_an_alias_has_one_new_id() -> None:
    message = {"previous_user_id": "a-1", "new_user_id": ["u-1", "u-2"]}

    assert refusal(POSTHOG, "alias", message) == {
        "alias.new_user_id": "must be one id, not a list, at PostHog"
    }


def test_an_anonymous_person_is_not_marked_as_known() -> None:
    """PostHog does not merge a known person into another one."""
    sent = item("identify", {"anonymous_id": "a-1", "traits": {"plan": "pro"}})

    assert (sent["event"], sent["distinct_id"]) == ("$set", "a-1")
    assert sent["properties"] == {"$set": {"plan": "pro"}, **HIDDEN}


def test_traits_make_a_profile_of_an_anonymous_person() -> None:
    """The caller can also set `$process_person_profile`."""
    anonymous = {"anonymous_id": "a-1", "event": "E"}

    with_traits = item("track", {**anonymous, "traits": {"plan": "pro"}})
    wanted = item("track", {**anonymous, "properties": {"$process_person_profile": True}})

    assert "$process_person_profile" not in with_traits["properties"]
    assert wanted["properties"]["$process_person_profile"] is True


@pytest.mark.parametrize(
    ("name", "method"),
    [("$identify", "identify"), ("$groupidentify", "group"), ("$create_alias", "alias")],
)
def test_reserved_events_have_methods(name: str, method: str) -> None:
    message = {**TRACK, "event": name}

    assert refusal(POSTHOG, "track", message) == {
        "track.event": f"is reserved at PostHog: send {method} instead"
    }
    assert item("track", message, strict=False)["event"] == name


def test_a_name_that_would_be_cut_is_refused() -> None:
    message = {**TRACK, "event": "x" * 201}

    assert refusal(POSTHOG, "track", message) == {
        "track.event": "must have at most 200 characters: PostHog cuts longer names"
    }
    assert item("track", message, strict=False)["event"] == "x" * 201


def test_a_callers_own_properties_of_posthog_remain() -> None:
    """They are sent together with the properties from the message's fields."""
    own = {"$set": {"plan": "own"}, "$set_once": {"a": 1}, "$groups": {"team": "t-1"}, "$ip": "::1"}
    message = {**TRACK, "properties": own, "traits": {"plan": "x", "b": 2}, "company_id": "c-1"}

    assert item("track", message)["properties"] == {
        **own,
        "$set": {"plan": "own", "b": 2},
        "$groups": {"team": "t-1", "company": "c-1"},
    }


@pytest.mark.parametrize(
    ("method", "field", "name"),
    [
        ("page", "name", "name"),
        ("page", "category", "category"),
        ("screen", "name", "$screen_name"),
        ("track", "channel", "channel"),
    ],
)
def test_a_property_that_conflicts_with_a_field_is_refused(
    method: str, field: str, name: str
) -> None:
    required = {"event": "E"} if method == "track" else {"name": "N"}
    message: Json = {"user_id": "u-1", **required, field: "A", "properties": {name: "B"}}

    assert refusal(POSTHOG, method, message) == {
        f"{method}.properties.{name}": (
            f"conflicts with {method}.{field}: PostHog has one property for both; remove one"
        )
    }
    delivery = delivery_of(POSTHOG, method, message, strict=False)
    assert POSTHOG.build(delivery).body["properties"][name] == "B"
    assert delivery.left_out == {field}


@pytest.mark.parametrize(
    "time", ["2001-01-31T09:30:00Z", "2026-02-01T08:30:01Z", "2026-02-01T13:30:01+05:00"]
)
def test_the_past_and_the_next_23_hours_are_kept(time: str) -> None:
    assert item("track", {**TRACK, "timestamp": time})["timestamp"] == time


def test_a_later_time_is_refused() -> None:
    """PostHog would use the time of arrival; with `"strict": false`, it does."""
    message = {**TRACK, "timestamp": "2026-02-01T08:30:02Z"}

    assert refusal(POSTHOG, "track", message) == {
        "track.timestamp": "must be at most 23 hours in the future: PostHog would replace it"
    }
    delivery = delivery_of(POSTHOG, "track", message, strict=False)
    assert "timestamp" not in POSTHOG.build(delivery).body
    assert delivery.left_out == {"timestamp"}


def test_an_sdks_context_is_read_in_its_own_spelling() -> None:
    """A field with an unexpected type is sent unchanged."""
    context = {"userAgent": "M", "groupId": "g", "traits": "odd", "app": "odd", "ip": None}

    assert item("track", TRACK, context=context, strict=False)["properties"] == {
        "$raw_user_agent": "M",
        "$groups": {"company": "g"},
        "context": {"traits": "odd", "app": "odd"},
        **HIDDEN,
    }


def test_an_event_may_have_a_megabyte() -> None:
    shell = len(built(POSTHOG, "track", {**TRACK, "properties": {"x": ""}}).content() or b"")
    fitting = "x" * (1_000_000 - shell)

    assert built(POSTHOG, "track", {**TRACK, "properties": {"x": fitting}})
    assert refusal(POSTHOG, "track", {**TRACK, "properties": {"x": fitting + "x"}}) == {
        "track": "is too large: the request has 1000001 bytes, and PostHog accepts 1000000"
    }


SEGMENTS: list[tuple[str, Json, Json, str, Json]] = [
    (
        "track",
        {"user_id": "u-1", "event": "Signed Up", "properties": {"plan": "pro", "a": {"b": [1]}}},
        {},
        "Signed Up",
        {"plan": "pro", "a": {"b": [1]}},
    ),
    (
        "page",
        {"user_id": "u-1", "name": "Home", "properties": {"title": "T"}},
        {"page": {"url": "https://x/home"}},
        "$pageview",
        {"title": "T", "$current_url": "https://x/home"},
    ),
    (
        "screen",
        {"user_id": "u-1", "name": "Home", "properties": {"tab": 1}},
        {},
        "$screen",
        {"tab": 1, "$screen_name": "Home"},
    ),
    (
        "identify",
        {"user_id": "u-1", "traits": {"email": "ada@example.com", "age": None}},
        {},
        "$identify",
        {"$set": {"email": "ada@example.com", "age": None}},
    ),
]
"""Messages, and the event and the properties that Segment's own integration makes of them."""


@pytest.mark.parametrize(("method", "message", "context", "name", "properties"), SEGMENTS)
def test_an_event_has_what_segments_integration_sends(
    method: str, message: Json, context: Json, name: str, properties: Json
) -> None:
    """The golden table lists the intended differences."""
    sent = item(method, message, context=context)

    assert (sent["event"], sent["distinct_id"]) == (name, "u-1")
    assert {key: sent["properties"][key] for key in properties} == properties
