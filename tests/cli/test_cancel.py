"""`cancel --user ID`: cancels what is still open for a user."""

import pytest
from temporalio.client import Client, WorkflowHandle

from durable_analytics import AnalyticsClient
from tests.support.command import Command
from tests.support.visible import until_visible

Handle = WorkflowHandle[object, object]


async def is_cancelled(handle: Handle) -> bool:
    """Whether its cancellation was requested; no worker polls its queue."""
    events = (await handle.fetch_history()).events
    return any(e.HasField("workflow_execution_cancel_requested_event_attributes") for e in events)


@pytest.mark.parametrize("keys", ["", "a-new-key,a-key"])
async def test_cancels_single_messages_and_reports_batches(
    command: Command, temporal: Client, task_queue: str, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    """By the search attribute, and by their inputs where that is not set, or no key is known."""
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    if keys:
        monkeypatch.setenv("ANALYTICS_USER_HASH_KEYS", keys)
    analytics = AnalyticsClient(temporal, task_queue=task_queue, user_hash_keys=["a-key"])
    hashed = await analytics.track(user_id="u-1", event="Hi", integration="segment")
    other = await analytics.track(user_id="u-2", event="Hi", integration="segment")
    own: Handle = await temporal.start_workflow(
        "Identify", {"identify": {"userId": "u-1"}}, id=task_queue, task_queue=task_queue
    )
    batch: Handle = await temporal.start_workflow(
        "Batch",
        {"messages": [{"type": "track", "userId": "u-1", "event": "Hi"}]},
        id=f"{task_queue}-batch",
        task_queue=task_queue,
    )
    await until_visible(temporal, f"TaskQueue = '{task_queue}'", 4)

    ended = await command("cancel", "--user", "u-1", "--json")

    assert set(ended.json["cancelled"]) == {own.id, hashed.workflow_id}
    assert ended.json["batches"] == [batch.id]
    assert ended.status == 1
    assert f"not cancelled: {batch.id}" in ended.err
    assert await is_cancelled(own)
    assert await is_cancelled(hashed.workflow)
    assert not await is_cancelled(other.workflow)
    assert not await is_cancelled(batch)


async def test_nothing_open_is_no_error(command: Command) -> None:
    """There is nothing left to do."""
    ended = await command("cancel", "--user", "nobody")

    assert (ended.status, ended.out) == (0, "no single message is open for this user\n")
