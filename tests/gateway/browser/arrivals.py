"""What has arrived at the provider, beside what a browser sent."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from durable_analytics.testing import StandIn
from tests.conftest import Json
from tests.gateway.browser.recorder import Recorder

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
            told = [one.get("event", one["type"]) for one in found.values()]
            raise TimeoutError(f"{len(found)} of {count} have arrived: {told}") from None
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
    """JSON, where 1 is not true and a difference has a line of its own."""
    return json.dumps({**message, "timestamp": ""}, indent=1, sort_keys=True)
