"""The metrics of a worker: each message counts once at each stage, with labels that are ours."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Replayer, Worker

from durable_analytics.temporal import integration_control
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.scraped import Scraped, measured_client, scrape
from tests.support.worker_settings import QUICK_RETRIES, settings_with
from tests.worker.deliveries import own_process
from worker import Settings, register

TRACK: Json = {"user_id": "u-7f3a", "event": "Signed Up"}
LABELS = ("integration", "method", "stage", "reason")


@pytest.fixture
async def measured(temporal: Client) -> AsyncIterator[tuple[Client, str]]:
    async with measured_client(temporal) as (client, address):
        yield client, address


@pytest.fixture
def settings(standin: StandIn, task_queue: str) -> Settings:
    """Segment gets no page views, and its policy allows two attempts."""
    policies = {"request": {**QUICK_RETRIES["request"]}}
    policies["request"]["retry_policy"] = {
        **policies["request"]["retry_policy"],
        "maximum_attempts": 2,
    }
    routing = {"methods": ["track", "identify"]}
    account = standin.vendors["segment"].integration_settings(standin.base_url("segment"))
    return settings_with(standin, task_queue, **account, policies=policies, routing=routing)


async def run(client: Client, task_queue: str, workflow: str, *inputs: Any) -> None:
    """Run an execution to its end, be it a failure."""
    with contextlib.suppress(WorkflowFailureError):
        await client.execute_workflow(
            workflow, args=list(inputs), id=f"test-{uuid.uuid4()}", task_queue=task_queue
        )


async def deliver_all_kinds(client: Client, task_queue: str, standin: StandIn) -> None:
    """Deliver: successes, a refusal, a failure, filtered ones, batches, a fan-out."""
    track = {"integration": "segment", "track": TRACK}
    page = {"type": "page", "user_id": "u-1", "name": "Home"}
    item = {"type": "track", **TRACK}
    await run(client, task_queue, "Track", track)
    await run(client, task_queue, "Track", {**track, "track": {"user_id": "u-1"}})
    await run(client, task_queue, "Page", {"integration": "segment", "page": page})
    standin.script("segment", {"status": 400})
    await run(client, task_queue, "Track", track)
    standin.script("segment", {"status": 503}, {"status": 503})
    await run(client, task_queue, "Track", track)
    messages = [item, item, {"type": "track"}, page]
    await run(client, task_queue, "Batch", {"integration": "segment", "messages": messages})
    await run(client, task_queue, "Batch", {"integration": "segment", "messages": "none"})
    await run(client, task_queue, "Batch", {"integration": "an-own-name", "messages": [item] * 3})
    standin.script("segment", {"status": 401})
    await run(client, task_queue, "Batch", {"integration": "segment", "messages": [item] * 4})
    fan_out = {"deliver_to": ["segment", "journy"], "track": TRACK}
    await run(client, task_queue, "Track", fan_out)
    await run(client, task_queue, "Track", track, track)


EXPECTED = {
    ("segment", "track", "received", ""): 5,
    ("segment", "track", "delivered", ""): 2,
    ("segment", "track", "refused", "ValidationError"): 1,
    ("segment", "track", "failed", "Rejected"): 1,
    ("segment", "track", "failed", "Unavailable"): 1,
    ("segment", "page", "received", ""): 1,
    ("segment", "page", "filtered", "routing"): 1,
    ("segment", "batch", "received", ""): 9,
    ("segment", "batch", "failed", "Unauthorized"): 4,
    ("segment", "batch", "delivered", ""): 2,
    ("segment", "batch", "refused", "ValidationError"): 2,
    ("segment", "batch", "filtered", "routing"): 1,
    ("unknown", "batch", "received", ""): 3,
    ("unknown", "batch", "refused", "UnknownIntegration"): 3,
    ("journy", "track", "received", ""): 1,
    ("journy", "track", "delivered", ""): 1,
    ("unknown", "track", "received", ""): 1,
    ("unknown", "track", "refused", "ValidationError"): 1,
}


async def until_recorded(address: str, name: str, count: float, **labels: str) -> Scraped:
    """Wait until the samples of a name sum up to this; there is no event for it."""
    async with asyncio.timeout(30):
        while (samples := await scrape(address)).value(name, **labels) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return samples


@pytest.mark.parametrize("cached", [1000, 0], ids=["cached", "replayed at each task"])
async def test_each_message_counts_once_at_each_stage(
    measured: tuple[Client, str], standin: StandIn, settings: Settings, cached: int
) -> None:
    """Also where each workflow task replays the execution from its beginning."""
    client, address = measured
    async with Worker(
        client,
        task_queue=settings.task_queue,
        plugins=[register(settings)],
        max_cached_workflows=cached,
        max_concurrent_workflow_tasks=10,
    ):
        await deliver_all_kinds(client, settings.task_queue, standin)
        samples = await scrape(address)

    assert samples.by("analytics_messages_total", *LABELS) == EXPECTED
    ended = sum(value for key, value in EXPECTED.items() if key[2] != "received")
    assert samples.value("analytics_messages_total", stage="received") == ended
    delivered = samples.by("analytics_delivery_seconds_count", "integration")
    assert delivered == {("segment",): 3, ("journy",): 1}
    assert samples.value("analytics_batch_messages_count") == 4
    assert samples.value("analytics_batch_messages_sum") == 12
    assert samples.by("analytics_attempts_total", "integration", "outcome") == {
        ("segment", "success"): 3,
        ("segment", "Rejected"): 1,
        ("segment", "Unauthorized"): 1,
        ("segment", "Unavailable"): 2,
        ("journy", "success"): 1,
    }
    assert samples.by("analytics_request_seconds_count", "integration", "status") == {
        ("segment", "200"): 3,
        ("segment", "400"): 1,
        ("segment", "401"): 1,
        ("segment", "503"): 2,
        ("journy", "200"): 1,
    }


async def test_labels_are_those_of_the_contract_and_hold_nothing_of_a_caller(
    measured: tuple[Client, str], standin: StandIn, settings: Settings
) -> None:
    """No label of the SDK is added to ours, and no id, event or name that a caller made up."""
    client, address = measured
    async with Worker(client, task_queue=settings.task_queue, plugins=[register(settings)]):
        await deliver_all_kinds(client, settings.task_queue, standin)
        samples = await scrape(address)

    ours = {s.name: samples.label_names(s.name) for s in samples if s.name.startswith("analytics")}
    buckets = {"le"}
    assert ours == {
        "analytics_messages_total": {*LABELS},
        "analytics_attempts_total": {"integration", "outcome"},
        "analytics_delivery_seconds_bucket": {"integration"} | buckets,
        "analytics_delivery_seconds_sum": {"integration"},
        "analytics_delivery_seconds_count": {"integration"},
        "analytics_request_seconds_bucket": {"integration", "status"} | buckets,
        "analytics_request_seconds_sum": {"integration", "status"},
        "analytics_request_seconds_count": {"integration", "status"},
        "analytics_batch_messages_bucket": buckets,
        "analytics_batch_messages_sum": set(),
        "analytics_batch_messages_count": set(),
        "analytics_integration_state": {"integration", "state"},
    }
    values = {
        value for s in samples if s.name.startswith("analytics") for value in s.labels.values()
    }
    assert values & {"u-7f3a", "Signed Up", "an-own-name"} == set()


async def test_a_request_without_a_response_has_no_status(
    measured: tuple[Client, str], standin: StandIn, settings: Settings
) -> None:
    client, address = measured
    standin.script("segment", {"drop": True})
    async with Worker(client, task_queue=settings.task_queue, plugins=[register(settings)]):
        await run(client, settings.task_queue, "Track", {"integration": "segment", "track": TRACK})
        samples = await scrape(address)

    assert samples.by("analytics_request_seconds_count", "status") == {("none",): 1, ("200",): 1}


async def test_a_cancelled_message_has_failed(
    measured: tuple[Client, str], standin: StandIn, settings: Settings
) -> None:
    """Once, as Temporal spells it; the other integration of a fan-out had it before."""
    client, address = measured
    standin.script("segment", {"delay": 60})
    async with Worker(client, task_queue=settings.task_queue, plugins=[register(settings)]):
        handle = await client.start_workflow(
            "Track",
            {"deliver_to": ["segment", "journy"], "track": TRACK},
            id=f"test-{uuid.uuid4()}",
            task_queue=settings.task_queue,
        )
        await until_recorded(address, "analytics_messages_total", 1, stage="delivered")
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        samples = await scrape(address)

    assert samples.by("analytics_messages_total", "integration", "stage", "reason") == {
        ("segment", "received", ""): 1,
        ("journy", "received", ""): 1,
        ("journy", "delivered", ""): 1,
        ("segment", "failed", "Canceled"): 1,
    }


async def test_a_replay_counts_nothing(measured: tuple[Client, str], settings: Settings) -> None:
    """A history that is replayed as a whole, as before a deploy."""
    client, address = measured
    async with Worker(client, task_queue=settings.task_queue, plugins=[register(settings)]):
        handle = await client.start_workflow(
            "Track",
            {"integration": "segment", "track": TRACK},
            id=f"test-{uuid.uuid4()}",
            task_queue=settings.task_queue,
        )
        await handle.result()
        before = await scrape(address)
        plugin = register(settings)
        plugin.metrics.start(client.service_client.config.runtime.metric_meter)  # type: ignore[attr-defined,union-attr]
        await Replayer(workflows=[], plugins=[plugin]).replay_workflow(await handle.fetch_history())
        after = await scrape(address)

    assert before.value("analytics_messages_total") == 2
    assert after.by("analytics_messages_total", *LABELS) == before.by(
        "analytics_messages_total", *LABELS
    )


@pytest.mark.slow  # the worker reads the states every five seconds
async def test_the_state_of_each_integration(
    measured: tuple[Client, str], settings: Settings
) -> None:
    """Running at first; a pause shows in the metrics of the worker, and its end."""
    client, address = measured
    queue = settings.task_queue
    name = "analytics_integration_state"

    async with own_process(client, settings):
        started = await until_recorded(address, name, len(settings.integrations))
        await integration_control.pause(client, queue, "segment", reason="a test")
        paused = await until_recorded(address, name, 1, integration="segment", state="paused")
        await integration_control.resume(client, queue, "segment")
        resumed = await until_recorded(address, name, 1, integration="segment", state="running")

    assert started.by(name, "integration", "state") == {
        (integration, state): float(state == "running")
        for integration in settings.integrations
        for state in ("running", "paused", "probing")
    }
    assert paused.by(name, "integration", "state")["segment", "running"] == 0
    assert paused.value(name, state="running") == len(settings.integrations) - 1
    assert resumed.value(name, state="paused") == 0
