"""Segment: the Tracking API's messages, regions, deletion by its own token, limits, answers."""

import json

import pydantic
import pytest

from durable_analytics.errors import Rejected, UnsupportedMethod
from durable_analytics.providers import HttpResponse, provider_class
from tests.providers.building import (
    ACCOUNTS,
    account,
    built,
    refusal,
)
from tests.support.goldens.segment import DELETION
from tests.support.json_objects import Json

SEGMENT = ACCOUNTS["segment"]


TRACK: Json = {"user_id": "u-1", "event": "E"}


DELETE: Json = {"user_id": "u-1"}


@pytest.mark.parametrize(
    ("settings", "tracking", "public"),
    [
        ({}, "https://api.segment.io", "https://api.segmentapis.com"),
        ({"region": "us"}, "https://api.segment.io", "https://api.segmentapis.com"),
        (
            {"region": "eu"},
            "https://events.eu1.segmentapis.com",
            "https://eu1.api.segmentapis.com",
        ),
        (
            {"region": "eu", "base_url": "https://proxy.example.com/segment/"},
            "https://proxy.example.com/segment",
            "https://eu1.api.segmentapis.com",
        ),
        (
            {"public_api_url": "http://127.0.0.1:1/public"},
            "https://api.segment.io",
            "http://127.0.0.1:1/public",
        ),
    ],
)
def test_the_region_sets_the_urls(settings: Json, tracking: str, public: str) -> None:
    """Of both APIs; an address of one's own comes before the region's."""
    there = account("segment", write_key="k", public_api_token="t", **settings)

    assert built(there, "track", TRACK).url == f"{tracking}/v1/track"
    assert built(there, "delete", DELETE).url == f"{public}/regulations"


@pytest.mark.parametrize("region", ["EU", "", 1, ["eu"], None])
def test_a_wrong_region_is_the_only_problem(region: object) -> None:
    """The addresses that follow from it are not missed as well."""
    with pytest.raises(pydantic.ValidationError) as refused:
        account("segment", write_key="k", region=region)

    assert [error["loc"] for error in refused.value.errors()] == [("region",)]


def test_settings_are_a_table() -> None:
    with pytest.raises(pydantic.ValidationError, match="valid dictionary"):
        provider_class("segment").model_validate("segment-key")


@pytest.mark.parametrize("type_", ["DELETE_ONLY", "SUPPRESS_ONLY", "UNSUPPRESS"])
def test_the_regulation_type_is_a_setting(type_: str) -> None:
    """What a deletion does at Segment is the account's decision."""
    there = account("segment", write_key="k", public_api_token="t", regulation_type=type_)

    assert built(there, "delete", DELETE).body["regulationType"] == type_


def test_an_unknown_regulation_type_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="regulation_type"):
        account("segment", write_key="k", regulation_type="FORGET")


def test_deletion_needs_its_own_token() -> None:
    """Without it there is no such method, and the message says what to set."""
    there = account("segment", write_key="k")

    with pytest.raises(UnsupportedMethod) as refused:
        built(there, "delete", DELETE)
    assert str(refused.value) == (
        "Segment does not support delete; "
        "it supports identify, track, group, alias, page, screen, call;"
        " to use delete, set public_api_token of the integration"
    )


def test_the_hint_is_for_deletion_alone() -> None:
    with pytest.raises(UnsupportedMethod) as refused:
        built(account("segment", write_key="k"), "annotate", {"event": "E"})
    assert str(refused.value) == (
        "Segment does not support annotate; "
        "it supports identify, track, group, alias, page, screen, call"
    )


def test_an_alias_has_one_new_id() -> None:
    """Segment cannot take a list."""
    message = {"previous_user_id": "a-1", "new_user_id": ["u-1", "u-2"]}

    assert refusal(SEGMENT, "alias", message) == {
        "alias.new_user_id": "must be one id, not a list, at Segment"
    }


def test_a_deletion_has_no_context() -> None:
    """The library's name, which every client sets, is not missed."""
    context = {"library": {"name": "shop"}}
    assert built(SEGMENT, "delete", DELETE, context=context) == DELETION

    assert refusal(SEGMENT, "delete", DELETE, context={**context, "ip": "192.0.2.1"}) == {
        "context.ip": "cannot be sent: Segment has no field for it; remove it"
    }


def of_size(size: int, character: str) -> Json:
    """A track whose request has so many bytes."""
    shell = built(SEGMENT, "track", {**TRACK, "properties": {"text": ""}}).content() or b""
    count, rest = divmod(size - len(shell), len(character.encode()))
    return {**TRACK, "properties": {"text": character * count + "x" * rest}}


@pytest.mark.parametrize("character", ["x", "é", "\N{PARTY POPPER}"])
def test_a_message_may_have_32_kb(character: str) -> None:
    """Counted in bytes as sent, not in characters; one more is refused."""
    limit = 32 * 1024
    content = built(SEGMENT, "track", of_size(limit, character)).content()
    assert content is not None
    assert len(content) == limit

    assert refusal(SEGMENT, "track", of_size(limit + 1, character)) == {
        "track": "is too large: the request has 32769 bytes, and Segment accepts 32768"
    }


def test_request_options_count_towards_the_limit() -> None:
    options = {"body": {"text": "x" * 100}}

    assert list(refusal(SEGMENT, "track", of_size(32 * 1024, "x"), request_options=options)) == [
        "track"
    ]


def test_a_call_may_be_larger() -> None:
    """An endpoint of its choice has limits of its own, like 500 KB for a batch."""
    batch = {"batch": [{"type": "track", **of_size(30_000, "x")}] * 3}

    request = built(SEGMENT, "call", {"method": "POST", "path": "/v1/batch", "body": batch})

    assert json.loads(request.content() or b"") == batch


@pytest.mark.parametrize("status", [200, 202])
def test_success_false_is_a_refusal(status: int) -> None:
    """Whatever the status says."""
    failure = SEGMENT.classify(HttpResponse(status, body={"success": False}))

    assert isinstance(failure, Rejected)
    assert str(failure) == f"Segment answered {status} with success false"


@pytest.mark.parametrize("body", [{"success": True}, {}, None, "", "false", [False]])
def test_anything_else_in_a_200_is_success(body: object) -> None:
    assert SEGMENT.classify(HttpResponse(200, body=body)) is None
