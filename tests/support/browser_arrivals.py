"""Compares the messages that arrive at the provider with those that a browser sent."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from durable_analytics.testing import StandIn
from tests.support.browser_recorder import Recorder
from tests.support.json_objects import Json

_NETWORK = timedelta(seconds=1)
"""A longer way is a wrong clock to the gateway, which then corrects the time by it."""


async def arrivals(standin: StandIn, count: int) -> dict[str, Json]:
    """Wait until so many different messages have arrived; returns them by message id.

    Raises:
        TimeoutError: They have not, in time.
    """
    found: dict[str, Json] = {}
    requests = 0
    while len(found) < count:
        try:
            rows = await standin.wait_for(requests + 1)
        except TimeoutError:
            events = [message.get("event", message["type"]) for message in found.values()]
            raise TimeoutError(f"{len(found)} of {count} have arrived: {events}") from None
        requests = len(rows)
        found = {one["messageId"]: one for row in rows for one in row["body"]["batch"]}
    assert {row["path"] for row in standin.requests} == {"/v1/batch"}
    return found


def assert_same(recorder: Recorder, arrived: Mapping[str, Json]) -> None:
    """Each message that was answered 200 has arrived as it was sent, and no other."""
    assert arrived.keys() == recorder.taken.keys()
    for exchange in recorder.sent:
        took = exchange.at - exchange.sent_at
        for sent in exchange.messages if exchange.status == 200 else ():
            got = arrived[sent["messageId"]]
            shift = time_of(got) - time_of(sent)
            assert not shift or _NETWORK <= shift <= took
            assert _text(got) == _text(sent)


def time_of(message: Json) -> datetime:
    """When it happened, as the message says."""
    return datetime.fromisoformat(message["timestamp"])


def _text(message: Json) -> str:
    """JSON, where 1 is not true and a difference has a line of its own.

    Without the count of attempts: what arrives is what an earlier one brought. Null is "not set".
    """
    metadata = {k: v for k, v in message.get("_metadata", {}).items() if k != "retryCount"}
    fields = {key: value for key, value in message.items() if value is not None}
    plain = {**fields, "timestamp": "", "_metadata": metadata}
    return json.dumps(plain, indent=1, sort_keys=True)
