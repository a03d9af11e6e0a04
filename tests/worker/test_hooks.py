"""Hooks hear of what failed, and whatever they do harms no delivery."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.worker import Replayer

from durable_analytics.events import AttemptFailed, ExecutionFailed
from durable_analytics.testing import StandIn
from tests.support.hooks import Heard
from tests.support.json_objects import Execute
from tests.support.worker_settings import QUICK_RETRIES, settings_for
from tests.worker.deliveries import UNLIKELY, USER_DATA, outcome, own_worker, start
from worker.hooks import Hooks
from worker.interceptor import DeliveryInterceptor
from workflows import WORKFLOWS

ATTEMPT = AttemptFailed("w", "r", "segment", "track", "m", 1, 500, "Unavailable", "answered 500")
EXECUTION = ExecutionFailed("w", "r", "segment", "track", "m", "Rejected", "answered 400")


async def test_hears_of_each_failed_attempt(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """With the identifiers, the status and the failure; not of the attempt that delivers."""
    heard = Heard()
    settings = settings_for(standin, task_queue=task_queue, on_attempt_failed=heard)
    standin.script("segment", {"status": 503}, {"drop": True})

    async with own_worker(temporal, settings):
        handle = await start(temporal, task_queue, policies=QUICK_RETRIES)
        output = await outcome(handle)
        events = await heard.wait_for(2)

    message_id = output["track"]["message_id"]
    run_id = (await handle.describe()).run_id
    common = {
        "workflow_id": handle.id,
        "run_id": run_id,
        "integration": "segment",
        "method": "track",
        "message_id": message_id,
        "error": "Unavailable",
    }
    dropped = "127.0.0.1 closed the connection without a response"
    assert events == [
        AttemptFailed(**common, attempt=1, status=503, message="Segment answered 503"),
        AttemptFailed(**common, attempt=2, status=None, message=dropped),
    ]
    assert output["status"] == "success"


async def test_hears_of_each_failed_execution(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Of one that the provider refused, and of one that was never sent; without user data."""
    heard = Heard()
    settings = settings_for(standin, task_queue=task_queue, on_execution_failed=heard)
    standin.script("segment", {"status": 400})

    async with own_worker(temporal, settings):
        rejected = await start(temporal, task_queue)
        output = await outcome(rejected)
        await heard.wait_for(1)
        invalid = await start(temporal, task_queue, {**UNLIKELY, "event": ""})
        await outcome(invalid)
        events = await heard.wait_for(2)

    assert events == [
        ExecutionFailed(
            workflow_id=rejected.id,
            run_id=(await rejected.describe()).run_id,
            integration="segment",
            method="track",
            message_id=output["track"]["message_id"],
            error="Rejected",
            message="Segment answered 400",
        ),
        ExecutionFailed(
            workflow_id=invalid.id,
            run_id=(await invalid.describe()).run_id,
            integration="segment",
            method="track",
            message_id=None,
            error="ValidationError",
            message="track.event is required",
        ),
    ]
    assert [part for part in USER_DATA if part in repr(events)] == []


async def test_a_hook_may_be_a_coroutine_function(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """It runs in a loop of its own."""
    heard = Heard()

    async def hook(event: ExecutionFailed) -> None:
        await asyncio.to_thread(heard, event)

    settings = settings_for(standin, task_queue=task_queue, on_execution_failed=hook)
    standin.script("segment", {"status": 400})

    async with own_worker(temporal, settings):
        handle = await start(temporal, task_queue)
        await outcome(handle)
        events = await heard.wait_for(1)

    assert [(event.workflow_id, event.error) for event in events] == [(handle.id, "Rejected")]


async def test_a_hook_that_raises_harms_nothing(
    temporal: Client, standin: StandIn, task_queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Deliveries go on, the next call comes, and the log names the hook, not what it said."""
    heard = Heard()

    def hook(event: AttemptFailed) -> None:
        heard(event)
        raise RuntimeError(f"about {UNLIKELY['user_id']}")

    settings = settings_for(standin, task_queue=task_queue, on_attempt_failed=hook)
    standin.script("segment", {"status": 500}, {"status": 500})

    async with own_worker(temporal, settings):
        output = await outcome(await start(temporal, task_queue, policies=QUICK_RETRIES))
        await heard.wait_for(2)

    assert output["status"] == "success"
    lines = [record for record in caplog.records if record.name == "durable_analytics.hooks"]
    assert [record.getMessage() for record in lines][:1] == ["hook failed"]
    facts = lines[0].__dict__
    assert facts["exception"] == "RuntimeError"
    assert facts["hook"].endswith("test_a_hook_that_raises_harms_nothing.<locals>.hook")
    assert [part for part in USER_DATA if part in caplog.text] == []


async def test_a_hook_that_hangs_harms_nothing(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Deliveries go on, and the worker ends, while the hook still hangs."""
    entered, release = threading.Event(), threading.Event()

    def hook(_: Any) -> None:
        entered.set()
        release.wait()

    settings = settings_for(
        standin, task_queue=task_queue, on_attempt_failed=hook, on_execution_failed=hook
    )
    try:
        async with own_worker(temporal, settings):
            standin.script("segment", {"status": 400})
            first = await outcome(await start(temporal, task_queue))
            assert await asyncio.to_thread(entered.wait, 30)
            standin.script("segment", {"status": 500})
            second = await outcome(await start(temporal, task_queue))
        assert not release.is_set()
    finally:
        release.set()

    assert (first["status"], second["status"]) == ("failure", "success")


def test_calls_beyond_the_queue_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """`notify` returns at once even then, and a line tells of each call that was left out."""
    entered, release = threading.Event(), threading.Event()

    def hook(_: Any) -> None:
        entered.set()
        release.wait()

    hooks = Hooks(on_attempt_failed=hook)
    hooks.start()
    try:
        hooks.notify(ATTEMPT)
        assert entered.wait(30)
        for _ in range(1002):
            hooks.notify(ATTEMPT)
    finally:
        release.set()

    lines = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in lines] == ["hook call left out"] * 2
    assert [record.__dict__["reason"] for record in lines] == ["1000 calls are waiting"] * 2


def test_a_coroutine_hook_is_given_up_on_in_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its timeout the next call comes."""
    monkeypatch.setattr("worker.hooks._ASYNC_TIMEOUT_SECONDS", 0.01)
    called = threading.Event()

    async def hangs(_: Any) -> None:
        await asyncio.Event().wait()

    hooks = Hooks(on_attempt_failed=hangs, on_execution_failed=lambda _: called.set())
    hooks.start()
    hooks.notify(ATTEMPT)
    hooks.notify(EXECUTION)

    assert called.wait(30)
    assert [record.getMessage() for record in caplog.records] == ["hook failed"]
    assert caplog.records[0].__dict__["exception"] == "TimeoutError"


async def test_a_hook_that_exits_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """`sys.exit` in a hook is a failure of the hook like any other."""
    called = threading.Event()

    def exits(_: Any) -> None:
        raise SystemExit(3)

    hooks = Hooks(on_attempt_failed=exits, on_execution_failed=lambda _: called.set())
    hooks.start()
    hooks.notify(ATTEMPT)
    hooks.notify(EXECUTION)

    assert await asyncio.to_thread(called.wait, 30)
    assert [record.__dict__["exception"] for record in caplog.records] == ["SystemExit"]


@pytest.mark.usefixtures("running_worker")
async def test_replay_calls_no_hook(temporal: Client, standin: StandIn, execute: Execute) -> None:
    """An execution that is read again, after a restart say, failed once."""
    events: list[ExecutionFailed] = []
    standin.script("segment", {"status": 400})
    await execute("Track", {"integration": "segment", "track": UNLIKELY}, id="test-replayed")
    history = await temporal.get_workflow_handle("test-replayed").fetch_history()

    replayer = Replayer(workflows=WORKFLOWS, interceptors=[DeliveryInterceptor(events.append)])
    result = await replayer.replay_workflow(history)

    assert result.replay_failure is None
    assert events == []


@pytest.mark.parametrize("event", [ATTEMPT, EXECUTION])
def test_without_a_hook_nothing_is_kept(event: Any) -> None:
    """However many failures there are."""
    hooks = Hooks()
    notify: Callable[[Any], None] = hooks.notify
    for _ in range(2000):
        notify(event)

    assert hooks._queue.qsize() == 0  # noqa: SLF001  # there is nothing else to see
