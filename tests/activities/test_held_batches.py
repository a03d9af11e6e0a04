"""A batch whose rest is held back: its attempts before count, and are listed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.common import RetryPolicy

from activities.http import HttpClient
from activities.provider_health import ProviderHealth
from durable_analytics.testing import StandIn
from durable_analytics.wire.indexes import encode_indexes
from durable_analytics.wire.integration_state import paused
from tests.support.batch_activities import Alone
from tests.support.batches import DELETE, numbered
from tests.support.json_objects import Json


def records(*numbers: int) -> list[Json]:
    """Attempts that failed."""
    failed = {"at": "2026-01-31", "milliseconds": 1, "status_code": 503, "error": "Unavailable"}
    return [{"attempt": number, **failed} for number in numbers]


def pause(client: HttpClient) -> None:
    """Let the process know that the integration is paused for ten seconds."""
    client.health = client.health or ProviderHealth(None, 0)
    wait = timedelta(seconds=10)
    client.health.learn(paused("retry_after", "it asked", since=datetime.now(UTC), duration=wait))


async def planned(alone: Alone, data: Json, *earlier: int) -> Json:
    """The plan of Validation, as it comes from the workflow after so many attempts."""
    plan = await alone.validate(data)
    return {**plan, "earlier": {"attempts": records(*earlier), "count": len(earlier)}}


async def test_a_slice_goes_back_with_its_attempts(alone: Alone, standin: StandIn) -> None:
    """Those of the activities before, and those of this one."""
    data = {"messages": numbered(2)}
    plan = await planned(alone, data, 1, 2)
    pause(alone.clients["segment"])

    result = await alone.send(
        data, plan, attempt=2, heartbeat_details=[{"attempts": records(1, 2, 3)}]
    )

    assert result["held"] is True
    assert result["earlier"] == {"attempts": records(1, 2, 3), "count": 3}
    assert result["open"] == [[0, 2]]
    assert not standin.requests


async def test_settled_messages_of_a_slice_do_not_go_back(alone: Alone) -> None:
    """An earlier attempt has settled them; the others are open."""
    data = {"messages": numbered(4)}
    earlier = {"accepted": encode_indexes([1]), "open": [[0, 4]]}
    pause(alone.clients["segment"])

    result = await alone.send(
        data, await alone.validate(data), attempt=2, heartbeat_details=[earlier]
    )

    assert (result["accepted"], result["held"]) == (1, True)
    assert result["open"] == [[0, 1], [2, 4]]


async def test_a_slice_without_attempts_goes_back_as_before(alone: Alone) -> None:
    """Its first attempt is still to come."""
    data = {"messages": numbered(2)}
    pause(alone.clients["segment"])

    result = await alone.send(data, await alone.validate(data))

    assert result["held"] is True
    assert "earlier" not in result


async def test_a_slice_that_comes_back_is_sent_alone(alone: Alone, standin: StandIn) -> None:
    """The slices after it have attempts of their own, so another activity sends them."""
    data = {"messages": [*numbered(2), DELETE, *numbered(2)]}

    result = await alone.send(data, await planned(alone, data, 1, 2))

    (response,) = result["responses"]
    attempts = [(one["attempt"], one["status_code"]) for one in response["attempts"]]
    assert attempts == [(1, 503), (2, 503), (3, 200)]
    assert result["open"] == [[2, 3], [3, 5]]
    assert "earlier" not in result
    assert len(standin.requests) == 1


@pytest.mark.parametrize("most", [1, 2])
async def test_a_message_without_attempts_left_is_rejected_while_others_are_held(
    alone: Alone, most: int
) -> None:
    """Of two users, one fails; then the integration is paused. The other has spent no attempt."""

    def fail_and_pause(_: httpx.Request) -> Any:
        pause(alone.clients["trakio"])
        return httpx.Response(503)

    data = {"integration": "trakio", "messages": numbered(2)}
    alone.answering(fail_and_pause, max_in_flight=1)
    plan = await alone.validate(data)

    result = await alone.send(data, plan, retry_policy=RetryPolicy(maximum_attempts=most))

    assert result["held"] is True
    assert [one["index"] for one in result["rejected"]] == ([0] if most == 1 else [])
    assert result["open"] == ([[1, 2]] if most == 1 else [[0, 2]])
    assert "earlier" not in result


async def test_messages_sent_one_by_one_go_back_with_their_attempts(alone: Alone) -> None:
    """Those of the activities before, and those of this one."""
    data = {"integration": "trakio", "messages": numbered(2)}
    plan = await planned(alone, data, 1)
    alone.answering(lambda _: httpx.Response(200))
    pause(alone.clients["trakio"])

    result = await alone.send(data, plan, attempt=2)

    assert result["earlier"]["count"] == 2
    assert result["open"] == [[0, 2]]
