"""journy.io: Segment's messages as batches of one; a page with a name is a screen."""

import pytest

from tests.providers.building import ACCOUNTS, COMMON, built, refusal
from tests.support.json_objects import Json

JOURNY = ACCOUNTS["journy"]


def item(method: str, message: Json, **input: object) -> Json:
    """The one item of a message's batch."""
    (only,) = built(JOURNY, method, message, **input).body["batch"]
    return dict(only)


def test_a_page_without_a_name_stays_without() -> None:
    """The name makes a screen of it there."""
    page = item("page", {"user_id": "u-1", "properties": {"title": "Pricing"}})

    assert page == {
        "type": "page",
        "messageId": COMMON["message_id"],
        "timestamp": COMMON["timestamp"],
        "userId": "u-1",
        "properties": {"title": "Pricing"},
    }


@pytest.mark.parametrize("method", ["page", "screen"])
def test_a_page_with_a_name_and_a_screen_are_the_same(method: str) -> None:
    sent = item(method, {"user_id": "u-1", "name": "Pricing"})

    assert (sent["type"], sent["name"]) == ("page", "Pricing")


@pytest.mark.parametrize(
    ("message", "anonymous_id"),
    [
        ({"group_id": "g-1"}, "g-1"),
        ({"group_id": "g-1", "user_id": None, "anonymous_id": None}, "g-1"),
        ({"group_id": "g-1", "anonymous_id": "a-1"}, "a-1"),
        ({"group_id": "g-1", "user_id": "u-1"}, None),
    ],
)
def test_a_group_alone_has_its_own_id_as_the_anonymous_one(
    message: Json, anonymous_id: str | None
) -> None:
    """Only where the caller names nobody."""
    assert item("group", message).get("anonymousId") == anonymous_id


@pytest.mark.parametrize("method", ["identify", "group"])
def test_null_deletes_a_trait(method: str) -> None:
    """So it must arrive as null."""
    message = {"user_id": "u-1", "group_id": "g-1", "traits": {"plan": None, "seats": 3}}
    if method == "identify":
        del message["group_id"]

    assert item(method, message)["traits"] == {"plan": None, "seats": 3}
    assert b'"plan":null' in (built(JOURNY, method, message).content() or b"")


def test_only_a_group_can_be_alone() -> None:
    assert refusal(JOURNY, "track", {"event": "E"}) == {
        "track.user_id": "is required if anonymous_id is not set"
    }


def test_the_type_is_the_methods() -> None:
    """Whatever type an SDK wrote into a message that is not checked."""
    message = {"user_id": "u-1", "event": "E", "type": "identify"}

    assert item("track", message, strict=False)["type"] == "track"
