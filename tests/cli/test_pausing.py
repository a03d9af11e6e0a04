"""`durable-analytics pause` and `resume`: what they print, and what `status` says meanwhile."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.cli import _names, _status
from durable_analytics.temporal import integration_control
from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.testing import StandIn
from durable_analytics.wire.integration_state import control_id
from tests.support.clients_with_keys import client_with_keys
from tests.support.command import Command
from tests.support.visible import until_visible
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_process, start
from tests.worker.pauses import requests_waiting, set_limit


async def test_paused_messages_wait_until_resume(
    operator: Command, temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """`status` says why, by whom and until when."""
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        paused = await operator("pause", "segment", "--for", "2h", "--reason", "they asked")
        handle = await start(temporal, task_queue)
        status = await operator("status", "--json")
        sent_meanwhile = len(standin.requests)
        resumed = await operator("resume", "segment", "--json")
        output = await outcome(handle)

    assert (paused.status, paused.err) == (0, "")
    assert paused.out.startswith("segment is paused until ")
    (row,) = [row for row in status.json if row["integration"] == "segment"]
    assert (row["state"], row["by"]) == ("paused", "operator")
    assert row["reason"].startswith("they asked")
    assert not sent_meanwhile
    assert resumed.json["state"] == "running"
    assert output["status"] == "success"


async def test_terminated_pause_is_shown_and_resume_ends_it(
    operator: Command,
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its limit stays although the state is `running`; `status` and `find` say so."""
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__MAX_IN_FLIGHT", "100")
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await integration_control.pause(temporal, task_queue, "segment", reason="moving")
        paused = await operator("status")
        await temporal.get_workflow_handle(control_id(task_queue, "segment")).terminate()
        handle = await start(temporal, task_queue)
        await requests_waiting([handle])
        status = await operator("status")
        found = await operator("find", handle.id)
        await operator("resume", "segment")
        output = await outcome(handle)
        after = await operator("status")

    reason = "The task queue of segment is held, but nothing pauses it. To release it:"
    assert f"{reason}\n  durable-analytics resume segment\n" in status.out
    assert f"  {reason} `durable-analytics resume segment`; attempt 1 is next" in found.out
    assert output["status"] == "success"
    assert reason not in paused.out + after.out


async def test_limit_of_0_set_by_hand_is_shown(
    operator: Command, temporal: Client, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that removes it, which is not `resume`. Another limit holds nothing."""
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__MAX_IN_FLIGHT", "100")
    queue = f"{task_queue}.segment"
    outputs = []
    for rate in (0, 5):
        await set_limit(temporal, queue, rate, "by Ann")
        outputs.append((await operator("status")).out)

    expected = (
        "Somebody has set the limit of the task queue of segment to 0. To remove it:\n"
        f"  temporal task-queue config set --task-queue {queue} --task-queue-type activity "
        "--queue-rps-limit default\n"
    )
    assert [expected in output for output in outputs] == [True, False]


async def test_a_command_without_the_workers_key_warns_and_takes_effect(
    operator: Command, temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The pause is there, so an error would mislead."""
    with_key = await client_with_keys(temporal, new_key("k1"))
    async with own_process(with_key, settings_for(standin, task_queue=task_queue)):
        paused = await operator("pause", "segment", "--reason", "they asked")
        state = await integration_control.state(with_key, task_queue, "segment")
        resumed = await operator("resume", "segment")
        later = await integration_control.state(with_key, task_queue, "segment")

    assert (paused.status, state["state"]) == (0, "paused")
    assert paused.out == "segment is paused\n"
    assert (resumed.status, later["state"]) == (0, "running")
    for ended in (paused, resumed):
        assert ended.err.startswith("warning: the worker's answer was not read: ")
        assert "encrypted with the key k1" in ended.err
        assert ended.err.count("\n") == 1


@pytest.mark.slow
async def test_a_worker_that_cannot_read_the_pause(
    operator: Command, temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """It has lost the key: `resume` and `pause` take effect, and the rest holds later."""
    with_key = await client_with_keys(temporal, new_key("k1"))
    settings = settings_for(standin, task_queue=task_queue)
    async with own_process(with_key, settings):
        await integration_control.pause(with_key, task_queue, "segment", reason="they asked")
    handle = temporal.get_workflow_handle(control_id(task_queue, "segment"))
    async with own_process(temporal, settings):
        await handle.signal("command", {"id": "a-command", "resume": {}})
        async with asyncio.timeout(30):
            await until_task_has_failed(handle)
        resumed = await operator("resume", "segment")
        output = await outcome(await start(temporal, task_queue))
        paused = await operator("pause", "segment")

    later = "no worker has taken it yet: the rest holds when one does\n"
    assert (resumed.status, resumed.out) == (0, f"segment is running\n{later}")
    assert output["status"] == "success"
    assert (paused.status, paused.out) == (0, f"segment is paused\n{later}")


async def until_task_has_failed(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until the server refuses updates because the workflow task fails again and again."""
    while (await handle.describe()).raw_description.pending_workflow_task.attempt < 3:  # noqa: ASYNC110
        await asyncio.sleep(0.1)  # the server has no event for it


async def test_resume_without_a_pause_succeeds(operator: Command) -> None:
    """Without a worker, too."""
    resumed = await operator("resume", "segment")

    assert (resumed.status, resumed.out) == (0, "segment is running\n")


@pytest.mark.parametrize("is_configured", [False, True])
async def test_unknown_name_warns(
    operator: Command,
    temporal: Client,
    task_queue: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_configured: bool,
) -> None:
    """One that the settings here do not have; without settings, one without deliveries."""
    if is_configured:
        monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__MAX_IN_FLIGHT", "100")
    else:
        await temporal.start_workflow(
            "Track", {}, id=f"segment:track:{task_queue}", task_queue=task_queue
        )
        await until_visible(temporal, f"TaskQueue = '{task_queue}'")

    known, unknown = await operator("resume", "segment"), await operator("resume", "segmnet")

    assert known.err == ""
    assert unknown.err.startswith("warning: ")
    assert unknown.err.count("\n") == 1
    assert "segmnet" in unknown.err
    assert unknown.status == 0


async def test_a_server_that_does_not_tell_its_pollers(
    operator: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a pause nor the status fails for it, and nothing is claimed."""

    async def refuse(*_: object, **__: object) -> None:
        raise RPCError("unknown method", RPCStatusCode.UNIMPLEMENTED, b"")

    monkeypatch.setattr(_names, "last_polls", refuse)
    monkeypatch.setattr(_status, "last_polls", refuse)

    resumed, status = await operator("resume", "segmnet"), await operator("status")

    assert (resumed.status, resumed.err) == (0, "")
    assert (status.status, status.err) == (0, "")
    assert "No worker" not in status.out


async def test_long_pause_warns_of_the_policy(
    operator: Command, temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Messages fail after 24 hours by default."""
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        paused = await operator("pause", "segment", "--for", "2d")
        await operator("resume", "segment")

    assert "messages fail after their total_timeout" in paused.err


@pytest.mark.parametrize("duration", ["soon", "0s", "-PT1H"])
async def test_wrong_duration_is_wrong_use(operator: Command, duration: str) -> None:
    """The exit status is 2, and nothing is paused."""
    ended = await operator("pause", "segment", f"--for={duration}")

    assert ended.status == 2
    assert "is not a duration" in ended.err


async def test_a_refused_duration_is_not_warned_about(operator: Command) -> None:
    """Nor is the name: no pause follows."""
    ended = await operator("pause", "segmnt", "--for", "99999999h")

    assert ended.status == 2
    assert "for must be " in ended.err
    assert "warning" not in ended.err


@pytest.mark.parametrize("name", ["", 'seg"; x', "Segment", "segment "])
async def test_what_is_no_name_is_not_paused(operator: Command, name: str) -> None:
    """It would be a part of the queries of `status`, which then failed for everybody."""
    paused = await operator("pause", name)
    status = await operator("status", "--json")

    assert paused.status == 2
    assert "'NAME': must be a name, like segment_eu" in paused.err
    assert status.status == 0
