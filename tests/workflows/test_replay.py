"""Recorded histories replay: no change of the code breaks an execution in flight."""

import base64
import json

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from durable_analytics.testing import StandIn
from durable_analytics.wire.methods import METHODS
from tests.support.worker_settings import settings_for
from tests.workflows.record import CASES, HISTORIES
from worker import register


def test_every_method_has_a_history() -> None:
    """And every history is one of the recorded cases."""
    assert {path.stem for path in HISTORIES.glob("*.json")} == CASES.keys()
    assert {*METHODS, "batch"} <= CASES.keys()


@pytest.mark.parametrize("name", CASES)
async def test_replays(standin: StandIn, name: str) -> None:
    """Command by command, as it was recorded."""
    history = WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text())
    replayer = Replayer(workflows=[], plugins=[register(settings_for(standin))])

    replayed = await replayer.replay_workflow(history, raise_on_replay_failure=True)

    assert replayed.replay_failure is None
    assert standin.requests == []


async def test_a_pause_replays_that_workers_of_two_releases_have_handled(
    standin: StandIn,
) -> None:
    """`SetLimit` ran at a worker with an operator webhook, the workflow at one that knew none."""
    history = json.loads((HISTORIES / "integration.json").read_text())
    results = [
        event["activityTaskCompletedEventAttributes"]["result"]["payloads"][0]
        for event in history["events"]
        if event["eventType"] == "EVENT_TYPE_ACTIVITY_TASK_COMPLETED"
    ]
    assert len(results) == 2
    for payload in results:
        held = json.loads(base64.b64decode(payload["data"]))
        result = json.dumps({"held": held, "operator_webhook": "webhook"})
        payload["data"] = base64.b64encode(result.encode()).decode()
    replayer = Replayer(workflows=[], plugins=[register(settings_for(standin))])

    replayed = await replayer.replay_workflow(
        WorkflowHistory.from_json("integration", history), raise_on_replay_failure=False
    )

    assert replayed.replay_failure is None
