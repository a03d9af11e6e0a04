"""Events for operators: delivered durably through the integration that the settings name."""

import asyncio
from collections.abc import Callable

import pytest
from temporalio.client import Client

from durable_analytics.errors import SettingsError
from durable_analytics.temporal import integration_control
from durable_analytics.testing import StandIn
from durable_analytics.wire.message_counts import MessageCount
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for, settings_with
from tests.worker.deliveries import outcome, own_process, start
from tests.worker.pauses import until_ended
from worker import Settings
from worker.operator_events import WINDOW_SECONDS, OperatorEvents

FEW: Json = {"request": {"retry_policy": {"maximum_attempts": 1}}}


def received_events(standin: StandIn) -> list[Json]:
    """The events that the webhook has got: name and properties."""
    return [
        {"event": request["body"]["data"]["event"], **request["body"]["data"]["properties"]}
        for request in standin.requests
        if request["integration"] == "webhook" and request["answered"] == 204
    ]


async def until_received(
    standin: StandIn, are_all_there: Callable[[list[Json]], bool]
) -> list[Json]:
    """Wait until the webhook has got these events."""
    async with asyncio.timeout(60):
        while not are_all_there(received_events(standin)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # a request arrives before its answer is known
    return received_events(standin)


@pytest.fixture
def settings(standin: StandIn, task_queue: str) -> Settings:
    return settings_for(standin, task_queue=task_queue, operator_webhook="webhook")


async def test_a_pause_and_its_end_are_sent_once(
    temporal: Client, standin: StandIn, settings: Settings
) -> None:
    """By one signed request each, of an execution like any other; with who paused it, and why."""
    queue = settings.task_queue
    async with own_process(temporal, settings):
        paused = await integration_control.pause(
            temporal, queue, "segment", reason="a move", by="Ann"
        )
        await until_received(standin, lambda events: len(events) == 1)
        await integration_control.resume(temporal, queue, "segment")
        events = await until_received(standin, lambda events: len(events) == 2)
        await until_ended(temporal, queue)

    state = {"reason": "a move (Ann)", "by": "operator", "since": paused.state["since"]}
    assert events == [
        {
            "event": "integration.paused",
            "integration": "segment",
            "state": "paused",
            **state,
            "until": None,
        },
        {
            "event": "integration.resumed",
            "integration": "segment",
            "state": "running",
            **state,
            "until": None,
        },
    ]
    requests = [one for one in standin.requests if one["integration"] == "webhook"]
    ids = [request["headers"]["webhook-id"] for request in requests]
    executions = [one async for one in temporal.list_workflows(f"TaskQueue = '{queue}'")]
    assert {one.id for one in executions} >= {f"webhook:track:{message_id}" for message_id in ids}


@pytest.mark.slow
async def test_an_outage_is_one_pause_however_often_probes_fail(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """It is sent once, and its end; an event that the webhook does not take comes again."""
    account = standin.vendors["segment"].integration_settings(standin.base_url("segment"))
    settings = settings_with(
        standin,
        task_queue,
        **account,
        breaker={"minimum": 5, "open_for": 1},
        policies={"request": {"retry_policy": {"maximum_interval": "PT1S"}}},
    ).model_copy(update={"operator_webhook": "webhook"})
    # All first attempts fail, and then some probes.
    standin.script("segment", *[{"status": 503}] * 13)
    standin.script("webhook", {"status": 503})
    async with own_process(temporal, settings):
        handles = [await start(temporal, task_queue) for _ in range(10)]
        outputs = [await outcome(handle) for handle in handles]
        await until_ended(temporal, task_queue)
        events = await until_received(
            standin,
            lambda events: (
                {"integration.paused", "integration.resumed"} <= {one["event"] for one in events}
            ),
        )
        await outcome(await start(temporal, task_queue, integration="webhook"))

    assert {output["status"] for output in outputs} == {"success"}
    ends = [one for one in events if one["event"] != "integration.failing"]
    assert sorted(one["event"] for one in ends) == ["integration.paused", "integration.resumed"]
    assert {(one["integration"], one["by"]) for one in ends} == {("segment", "breaker")}
    assert len({one["since"] for one in ends}) == 1


async def test_levels_of_the_breaker_are_sent(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    account = standin.vendors["segment"].integration_settings(standin.base_url("segment"))
    settings = settings_with(
        standin, task_queue, **account, breaker={"minimum": 20, "open_for": 600}
    ).model_copy(update={"operator_webhook": "webhook"})
    standin.script("segment", *[{"status": 503}] * 200)
    async with own_process(temporal, settings):
        for _ in range(22):
            await start(temporal, task_queue)
        events = await until_received(
            standin,
            lambda events: (
                [one.get("percent") for one in events].count(100) == 1
                and "integration.paused" in [one["event"] for one in events]
            ),
        )
        await integration_control.resume(temporal, task_queue, "segment")

    failing = [one for one in events if one["event"] == "integration.failing"]
    assert sorted(one["percent"] for one in failing) == [50, 70, 90, 100]
    assert {one["integration"] for one in failing} == {"segment"}
    assert all("503" in one["reason"] for one in failing)
    (paused,) = [one for one in events if one["event"] == "integration.paused"]
    assert (paused["integration"], paused["by"]) == ("segment", "breaker")


async def test_failed_deliveries_are_sent_once_an_integration_and_window(
    temporal: Client, standin: StandIn, settings: Settings
) -> None:
    """Not those to the webhook itself, which would be sent for ever; no refused ones either."""
    queue = settings.task_queue
    standin.script("segment", *[{"status": 400}] * 3)
    standin.script("journy", {"status": 400})
    async with own_process(temporal, settings):
        for integration in ("segment", "segment", "segment", "journy"):
            await outcome(await start(temporal, queue, integration=integration))
        await outcome(await start(temporal, queue, {"user_id": "u-1"}, integration="trakio"))
        events = await until_received(standin, lambda events: len(events) >= 2)
        standin.script("webhook", {"status": 400})
        await outcome(await start(temporal, queue, integration="webhook"))
        # A later one shows that no event about the webhook came before it.
        await outcome(await start(temporal, queue, integration="webhook"))
        after = received_events(standin)

    assert sorted(events, key=lambda one: str(one["integration"])) == [
        {
            "event": "delivery.failed",
            "integration": integration,
            "reason": "Rejected",
            "messages": 1,
        }
        for integration in ("journy", "segment")
    ]
    assert [one for one in after if one["event"] == "delivery.failed"] == events


async def test_the_next_window_is_sent_again(
    temporal: Client, standin: StandIn, settings: Settings
) -> None:
    """And all processes together send one: the id of an event follows from its window."""
    now = 1_000_000.0
    queue = settings.task_queue
    processes = [OperatorEvents("webhook", clock=lambda: now) for _ in range(2)]
    failed = [MessageCount("segment", "failed", "Rejected", 3)]
    async with own_process(temporal, settings):
        for events in processes:
            events.start(temporal, queue)
            events.messages(failed)
        await until_received(standin, lambda events: len(events) == 1)
        now += WINDOW_SECONDS
        for events in processes:
            events.messages(failed)
        both = await until_received(standin, lambda events: len(events) == 2)
        await outcome(await start(temporal, queue, integration="webhook"))
        for events in processes:
            events.stop()

    assert [one["messages"] for one in both] == [3, 3]
    names = [one["event"] for one in received_events(standin)]
    assert names.count("delivery.failed") == 2


@pytest.mark.parametrize("name", ["segment", "no_such"])
def test_the_setting_names_a_webhook(standin: StandIn, name: str) -> None:
    """The line says which integrations it may name."""
    with pytest.raises(ValueError, match=r"must be an integration with the provider webhook"):
        settings_for(standin, operator_webhook=name)


def test_the_error_at_the_start_is_one_line(
    monkeypatch: pytest.MonkeyPatch, standin: StandIn
) -> None:
    vendor = standin.vendors["segment"]
    for key, value in vendor.integration_settings(standin.base_url("segment")).items():
        monkeypatch.setenv(f"ANALYTICS_INTEGRATIONS__SEGMENT__{key.upper()}", value)
    monkeypatch.setenv("ANALYTICS_OPERATOR_WEBHOOK", "segment")

    with pytest.raises(SettingsError) as raised:
        Settings.load()

    (line,) = raised.value.problems
    assert line.startswith(
        "operator_webhook: must be an integration with the provider webhook (none is configured)"
    )
