"""The states of integrations in the metrics, when Temporal or a key is missing."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics import UnreadablePayload
from durable_analytics.temporal import integration_control
from durable_analytics.wire.integration_state import RUNNING
from runtime.metrics import Metrics
from worker import integration_states
from worker.integration_states import record_states


class NotedStates(Metrics):
    """Notes the states that are recorded."""

    def __init__(self) -> None:
        super().__init__(["segment"])
        self.is_recorded = True
        self.noted: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()

    def states(self, states: Mapping[str, str]) -> None:
        """See base class."""
        self.noted.put_nowait(states)


@pytest.mark.parametrize(
    "failure",
    [
        RPCError("away", RPCStatusCode.UNAVAILABLE, b""),
        UnreadablePayload("a payload is encrypted with the key k1, which is not there"),
    ],
)
async def test_states_are_recorded_again_after_a_failure(
    temporal: Client, task_queue: str, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """The state of a paused integration is encrypted; its key may come with the next reload."""
    answers: list[Any] = [failure, {"segment": {**RUNNING, "state": "paused"}}]

    async def states(*_: object) -> Any:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(integration_control, "states", states)
    monkeypatch.setattr(integration_states, "_INTERVAL_SECONDS", 0.01)
    metrics = NotedStates()
    recording = asyncio.create_task(record_states(temporal, task_queue, metrics))

    async with asyncio.timeout(10):
        assert await metrics.noted.get() == {"segment": "paused"}
    recording.cancel()
    await asyncio.wait([recording])
    assert recording.cancelled()
