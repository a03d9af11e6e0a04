"""Large messages are checked once in a worker, and delivered as if they were checked twice."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.common import RawValue

from activities.prepared_deliveries import LARGE_BYTES, PreparedDeliveries
from durable_analytics.providers import Delivery, HttpRequest
from durable_analytics.wire.messages import Message, Track
from tests.support.json_objects import Json
from tests.support.raw_payloads import raw

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
LATER = datetime(2026, 1, 31, 9, 45, tzinfo=UTC)
PLAN: Json = {"integration": "segment", "message": {"message_id": "m-1", "timestamp": "2026-01-31"}}


def large_input(text: str = "x") -> RawValue:
    """An input that is worth keeping."""
    track = {"user_id": "u-1", "event": "E", "properties": {"text": text * LARGE_BYTES}}
    return raw(json.dumps({"track": track}).encode())


def delivery() -> Delivery[Message]:
    """A checked message, from which the provider has left something out."""
    message = Track(user_id="u-1", event="E", message_id="m-1")
    return Delivery("track", message, NOW, left_out={"channel"})


def test_it_is_taken_once_and_as_of_the_attempt() -> None:
    cache, kept = PreparedDeliveries(), delivery()
    cache.keep(large_input(), PLAN, kept)

    taken = cache.take(large_input(), json.loads(json.dumps(PLAN)), LATER)

    assert taken is not None
    assert taken.message is kept.message
    assert (taken.sent_at, taken.left_out) == (LATER, set())
    assert cache.take(large_input(), PLAN, LATER) is None


@pytest.mark.parametrize(
    ("input", "plan"),
    [
        (large_input("y"), PLAN),
        (large_input(), {**PLAN, "integration": "journy"}),
        (large_input(), {**PLAN, "message": {**PLAN["message"], "message_id": "m-2"}}),
        (large_input(), {"message": {"message_id": "m-1"}}),
        (None, PLAN),
    ],
)
def test_another_message_is_not_taken(input: Any, plan: Json) -> None:
    cache = PreparedDeliveries()
    cache.keep(large_input(), PLAN, delivery())

    assert cache.take(input, plan, LATER) is None


def test_a_small_message_is_not_kept() -> None:
    cache, small = PreparedDeliveries(), raw(b'{"track":{}}')
    cache.keep(small, PLAN, delivery())

    assert cache.take(small, PLAN, LATER) is None


def test_the_serialized_body_counts() -> None:
    cache = PreparedDeliveries(most_bytes=LARGE_BYTES * 5 // 2)
    for text in "ab":
        request = HttpRequest("POST", "http://localhost", {"text": text * LARGE_BYTES})
        request.content()
        cache.keep(large_input(text), PLAN, replace(delivery(), earlier=request))

    kept = [text for text in "ab" if cache.take(large_input(text), PLAN, LATER)]

    assert kept == ["b"]


def test_the_oldest_are_removed_beyond_the_limit() -> None:
    cache = PreparedDeliveries(most_bytes=LARGE_BYTES * 5 // 2)
    for text in "abc":
        cache.keep(large_input(text), PLAN, delivery())

    kept = [text for text in "abc" if cache.take(large_input(text), PLAN, LATER)]

    assert kept == ["b", "c"]
