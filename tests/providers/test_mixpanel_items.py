"""Mixpanel's items: the events, profile updates and aliases of messages."""

import pytest

from durable_analytics.providers.mixpanel import Mixpanel
from tests.providers.building import (
    account,
    delivery_of,
    refusal,
)
from tests.support.goldens.mixpanel import MIXPANEL, TIME, TRACK, USER, VIEWED, item
from tests.support.json_objects import Json

OWN: Json = {"time": TIME, "$insert_id": "m-1"}


@pytest.mark.parametrize(
    ("message_id", "insert_id"),
    [
        ("m-1", "m-1"),
        ("x" * 36, "x" * 36),
        ("x" * 37, "ac4a7df3-dc9b-5041-a104-d24b9bbd196f"),
        ("ajs-next-1_2", "59416bf8-51dd-5d42-8a4f-7e692382fc76"),
    ],
)
def test_the_insert_id_is_valid_and_follows_from_the_message_id(
    message_id: str, insert_id: str
) -> None:
    """A valid message id is the insert id; other ids become a UUID."""
    sent = item({**TRACK, "message_id": message_id})

    assert sent["properties"]["$insert_id"] == insert_id


@pytest.mark.parametrize(
    ("timestamp", "is_taken"),
    [
        ("1970-12-31T23:59:59Z", False),
        ("1971-01-01T00:00:00Z", True),
        ("2026-01-31T10:30:00Z", True),
        ("2026-01-31T10:30:02Z", False),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_times_that_mixpanel_refuses_are_refused(
    timestamp: str, is_taken: bool, strict: bool
) -> None:
    """Mixpanel refuses times before 1971, and more than an hour in the future."""
    message = {**TRACK, "timestamp": timestamp}
    if is_taken:
        assert item(message, strict=strict)["properties"]["time"] % 1000 == 0
    else:
        assert refusal(MIXPANEL, "track", message, strict=strict) == {
            "track.timestamp": (
                "must be in 1971 or later, and at most one hour in the future, at Mixpanel"
            )
        }


PLACEHOLDER = "is a placeholder, which Mixpanel refuses: use the id of one person"


@pytest.mark.parametrize(
    ("method", "message", "field"),
    [
        ("track", {"event": "E", "user_id": "Anonymous"}, "user_id"),
        ("track", {"event": "E", "user_id": "u-1", "anonymous_id": "[]"}, "anonymous_id"),
        ("identify", {"user_id": "true"}, "user_id"),
        ("identify", {"user_id": "u-1", "anonymous_id": "anon"}, "anonymous_id"),
        ("alias", {"previous_user_id": "nil", "new_user_id": "u-1"}, "previous_user_id"),
    ],
)
def test_ids_that_mixpanel_refuses_are_refused(method: str, message: Json, field: str) -> None:
    assert refusal(MIXPANEL, method, message) == {f"{method}.{field}": PLACEHOLDER}


def test_an_alias_is_one_id() -> None:
    alias = {"previous_user_id": "a-1", "new_user_id": ["u-1"]}

    assert refusal(MIXPANEL, "alias", alias) == {
        "alias.new_user_id": "must be one id, not a list, at Mixpanel"
    }


def test_an_identify_of_two_ids_merges_them() -> None:
    """With traits, Mixpanel would need two requests."""
    both = {**USER, "anonymous_id": "a-1"}

    assert item(both, "identify") == {
        "properties": {"$identified_id": "u-1", "$anon_id": "a-1"},
        "event": "$identify",
    }
    errors = refusal(MIXPANEL, "identify", {**both, "traits": {"a": 1}})
    assert list(errors) == ["identify.anonymous_id"]
    delivery = delivery_of(MIXPANEL, "identify", {**both, "traits": {"a": 1}}, strict=False)
    assert MIXPANEL.item(delivery)["$distinct_id"] == "u-1"
    assert delivery.left_out == {"anonymous_id"}


@pytest.mark.parametrize("method", ["identify", "group"])
def test_null_removes_a_trait(method: str) -> None:
    """All traits must be null: an update of Mixpanel either sets or removes traits."""
    message = {**USER, **({"group_id": "g-1"} if method == "group" else {})}

    removed = item({**message, "traits": {"name": None, "plan": None}}, method)
    errors = refusal(MIXPANEL, method, {**message, "traits": {"name": None, "plan": "pro"}})

    assert removed["$unset"] == ["$name", "plan"]
    assert "$set" not in removed
    assert list(errors) == [f"{method}.traits.name"]
    delivery = delivery_of(
        MIXPANEL, method, {**message, "traits": {"name": None, "plan": "pro"}}, strict=False
    )
    assert MIXPANEL.item(delivery)["$set"] == {"plan": "pro"}
    assert "traits.name" in delivery.left_out


@pytest.mark.parametrize(
    ("traits", "values"),
    [
        ({"name": "A", "first_name": "Ada", "lastName": "L"}, {"$name": "A"}),
        ({"first_name": "Ada"}, {"$first_name": "Ada"}),
        ({"$email": "own", "email": "other"}, {"$email": "own"}),
    ],
)
def test_traits_have_mixpanels_names(traits: Json, values: Json) -> None:
    changes = item({**USER, "traits": traits}, "identify")["$set"]

    assert changes | values == changes
    assert ("$name" in changes) == ("$name" in values)


def test_the_user_of_a_group_is_reported_as_left_out() -> None:
    """Events contain the id of the user's group."""
    delivery = delivery_of(MIXPANEL, "group", {**USER, "group_id": "g-1"})
    MIXPANEL.item(delivery)

    assert delivery.left_out == {"user_id"}


def test_the_group_key_is_a_setting() -> None:
    provider = account("mixpanel", project_token="t", group_key="company_id")
    assert isinstance(provider, Mixpanel)

    sent = provider.item(delivery_of(provider, "track", {**TRACK, "company_id": "g-1"}))
    group = provider.item(delivery_of(provider, "group", {**USER, "group_id": "g-1"}))

    assert sent["properties"]["company_id"] == "g-1"
    assert (group["$group_key"], group["$group_id"]) == ("company_id", "g-1")


def test_reserved_properties_are_refused_or_left_out() -> None:
    properties = {"time": 1, "token": "t", "$insert_id": "x", "plan": "pro"}
    errors = refusal(MIXPANEL, "track", {**TRACK, "properties": properties})

    words = "is a name that Mixpanel reserves: use another"
    assert errors == {f"track.properties.{name}": words for name in ("$insert_id", "time", "token")}
    delivery = delivery_of(MIXPANEL, "track", {**TRACK, "properties": properties}, strict=False)
    assert MIXPANEL.item(delivery)["properties"] == {**VIEWED, **OWN, "plan": "pro"}
    assert delivery.left_out == {f"properties.{name}" for name in ("time", "token", "$insert_id")}


@pytest.mark.parametrize(("count", "is_taken"), [(250, True), (251, False)])
def test_an_event_has_at_most_254_properties(count: int, is_taken: bool) -> None:
    """The limit includes the four properties that the provider sets."""
    message = {**TRACK, "properties": {f"p{number}": 1 for number in range(count)}}
    if is_taken:
        assert len(item(message)["properties"]) == 254
    else:
        assert refusal(MIXPANEL, "track", message) == {
            "track.properties": "gives an event with 255 properties; Mixpanel accepts 254"
        }


def test_unsupported_fields_are_refused_or_left_out() -> None:
    context = {"page": {"url": "/x", "title": "X"}}
    given = {**TRACK, "traits": {"a": 1}, "channel": "web"}

    assert refusal(MIXPANEL, "track", given).keys() == {"track.traits", "track.channel"}
    assert refusal(MIXPANEL, "track", TRACK, context=context).keys() == {"context.page.title"}
    delivery = delivery_of(MIXPANEL, "track", given, context=context, strict=False)
    assert MIXPANEL.item(delivery)["properties"]["$current_url"] == "/x"
    assert delivery.left_out == {"traits", "channel", "context.page.title"}


def test_a_message_above_1_mb_is_refused() -> None:
    errors = refusal(MIXPANEL, "track", {**TRACK, "properties": {"x": "x" * 1_000_000}})

    assert errors["track"].endswith("Mixpanel accepts 1000000")


def test_older_names_of_a_device_are_sent() -> None:
    """`idfa` of older SDKs, `wow64` of browsers, and the device under both names of Mixpanel."""
    context = {
        "device": {"idfa": "ad-2", "name": "maguro"},
        "user_agent_data": {"wow64": False},
    }
    properties = item(TRACK, context=context)["properties"]

    sent = {"$ios_ifa": "ad-2", "$device": "maguro", "$device_name": "maguro", "$wow64": False}
    assert {name: properties.get(name) for name in sent} == sent
