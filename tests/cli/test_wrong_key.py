"""A night with a wrong key, and the command that delivers what failed."""

import asyncio
from collections import Counter

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics.testing import StandIn
from tests.support.command import Command
from tests.support.failed_deliveries import closed, run, track
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_with
from worker import register

pytestmark = pytest.mark.slow

SINGLES, BATCH, REFUSED = 500, 100, 7


def kept(message: Json) -> tuple[str, str, str]:
    """What a redrive must not change."""
    return message["userId"], message["messageId"], message["timestamp"]


async def test_each_failed_message_is_delivered_once(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """500 singles and 7 messages of a batch, with their first ids and timestamps."""
    account = {"base_url": standin.base_url("segment"), "pause_after_unauthorized": 0}
    wrong = settings_with(standin, task_queue, **account, write_key="wrong-key")
    right_key = standin.vendors["segment"].credentials["write_key"]
    right = settings_with(standin, task_queue, **account, write_key=right_key)
    command = Command(capsys, monkeypatch, temporal, {"ANALYTICS_TASK_QUEUE": task_queue})
    async with Worker(temporal, task_queue=task_queue, plugins=[register(wrong)]):
        async with asyncio.TaskGroup() as running:
            for number in range(SINGLES):
                data = {"integration": "segment", "track": track(number)}
                running.create_task(run(temporal, task_queue, "Track", data))
        bodies = [request["body"] for request in standin.requests]
        first = {body["userId"]: body for body in bodies}
        refused = [{"index": index, "message": "…"} for index in range(REFUSED)]
        answer = {"failed_records": refused, "num_records_imported": BATCH - REFUSED}
        standin.script("mixpanel", {"status": 400, "body": {"code": 400, **answer}})
        tracks = [
            {"type": "track", **track(1000 + n), "message_id": f"m-{n}"} for n in range(BATCH)
        ]
        await run(temporal, task_queue, "Batch", {"integration": "mixpanel", "messages": tracks})
        await closed(temporal, task_queue, SINGLES + 1)

        listed = (await command("failed", "list", "--limit", "1000", "--json")).json
        shown = (await command("failed", "show", listed[0]["workflow_id"], "--json")).json
    standin.clear()
    async with Worker(temporal, task_queue=task_queue, plugins=[register(right)]):
        report = (await command("failed", "redrive", "--yes", "--json")).json
        again = (await command("failed", "redrive", "--yes", "--json")).json

    assert sum(row["messages"] for row in listed) == SINGLES + REFUSED
    assert Counter(row["type"] for row in listed) == {"Unauthorized": SINGLES, "Rejected": 1}
    assert shown["input"]
    assert (report["redriven"], report["failed"]) == (SINGLES + REFUSED, 0)
    assert (again["redriven"], again["skipped"]) == (0, SINGLES + REFUSED)
    sent = [request["body"] for request in standin.requests if request["integration"] == "segment"]
    delivered = [kept(message) for body in sent for message in body["batch"]]
    assert sorted(delivered) == sorted(map(kept, first.values()))
    ids = [message.id for message in standin.accepted["mixpanel"]]
    assert sorted(ids, key=str) == [f"m-{n}" for n in range(REFUSED)]
