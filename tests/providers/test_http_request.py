"""A request serializes its JSON body only once, as long as the body does not change."""

from dataclasses import replace
from datetime import timedelta

import pytest

from durable_analytics.providers import HttpRequest
from tests.providers.building import ACCOUNTS, SENT_AT, delivery_of
from tests.support.json_objects import Json

URL = "http://localhost/track"


def request(body: Json) -> HttpRequest:
    return HttpRequest("POST", URL, body)


def test_copies_with_the_same_body_share_the_serialized_body() -> None:
    first = request({"event": "E"})
    content = first.content()

    assert first.content() is content
    assert first.with_headers({"X-A": "1"}).with_query({"q": "1"}).content() is content


def test_a_copy_with_another_body_is_serialized_again() -> None:
    first = request({"event": "E"})
    first.content()

    assert first.with_fields({"key": "k"}).content() == b'{"event":"E","key":"k"}'
    assert replace(first, body={"event": "F"}).content() == b'{"event":"F"}'
    assert first.content() == b'{"event":"E"}'


def test_an_equal_body_is_not_serialized_again() -> None:
    earlier, later = request({"event": "E"}), request({"event": "E"})
    content = earlier.content()

    assert later.with_serialized_body_of(earlier).content() is content
    assert later.with_serialized_body_of(earlier) == later


def test_a_body_that_differs_is_serialized_again() -> None:
    """For example, a body that contains the time of its attempt."""
    earlier, later = request({"sentAt": "1"}), request({"sentAt": "2"})
    earlier.content()

    assert later.with_serialized_body_of(earlier).content() == b'{"sentAt":"2"}'


def test_a_body_that_was_never_serialized_cannot_be_reused() -> None:
    earlier, later = request({"event": "E"}), request({"event": "E"})

    assert later.with_serialized_body_of(earlier) is later


@pytest.mark.parametrize(
    ("name", "method", "message", "is_reused"),
    [
        ("segment", "track", {"user_id": "u-1", "event": "E"}, False),  # has the attempt's time
        ("trophy", "metric", {"key": "k", "user": {"id": "u-1"}, "value": 1}, True),
    ],
)
def test_a_later_attempt_reuses_only_an_equal_body(
    name: str, method: str, message: Json, is_reused: bool
) -> None:
    """It sends the bytes that it would send without the earlier request."""
    provider = ACCOUNTS[name]
    first = delivery_of(provider, method, message)
    later = replace(first, sent_at=SENT_AT + timedelta(minutes=1))
    earlier = provider.build(first)

    request = provider.build(replace(later, earlier=earlier))

    assert request.content() == provider.build(later).content()
    assert (request.content() is earlier.content()) == is_reused
