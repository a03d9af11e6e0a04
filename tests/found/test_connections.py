"""A provider that hangs costs its attempts, and nothing once it is well again (httpcore 1093)."""

import asyncio
import uuid
from collections.abc import Callable, Mapping

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.http import EmbeddersClient, HttpClient
from durable_analytics.testing import StandIn
from tests.found.providers import OK, Hangs, answering, raw_provider
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from worker import Settings, registration
from worker.http_clients import http_clients

pytestmark = pytest.mark.slow

POLICIES = {
    "request": {"single_attempt_timeout": 1, "retry_policy": {"maximum_interval": 1}},
}


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[HttpClient]:
    """The HTTP clients of the workers that the test starts."""
    made: list[HttpClient] = []

    def remember(settings: Settings, own: Mapping[str, EmbeddersClient]) -> dict[str, HttpClient]:
        clients = http_clients(settings, own)
        made.extend(clients.values())
        return clients

    monkeypatch.setattr(registration, "http_clients", remember)
    return made


def accounts(standin: StandIn, port: int, **settings: object) -> Settings:
    """Trophy and Segment at this port."""
    base_url = f"http://127.0.0.1:{port}"
    shared = {"base_url": base_url, "allow_policies_override": True, **settings}
    integrations = {
        "trophy": {"api_key": "trophy-key", **shared},
        "segment": {"write_key": "segment-key", **shared},
    }
    return settings_for(standin, task_queue=f"test-{uuid.uuid4()}", integrations=integrations)


def one_by_one(number: int) -> tuple[str, Json]:
    """A batch of eight users at Trophy."""
    messages = [
        {"type": "identify", "user_id": f"u-{number}-{user}", "traits": {"name": "Ada"}}
        for user in range(8)
    ]
    return "Batch", {"integration": "trophy", "messages": messages}


def slices(number: int) -> tuple[str, Json]:
    """A batch at Segment."""
    messages = [{"type": "track", "user_id": f"u-{number}", "event": "E"}] * 8
    return "Batch", {"integration": "segment", "messages": messages}


def single(number: int) -> tuple[str, Json]:
    """One message."""
    return "Track", {"integration": "segment", "track": {"user_id": f"u-{number}", "event": "E"}}


@pytest.mark.parametrize(
    ("make", "count", "max_in_flight"),
    [(one_by_one, 25, 10), (one_by_one, 25, 100), (slices, 40, 5), (single, 60, 5)],
)
async def test_after_a_hanging_provider_everything_is_delivered(
    temporal: Client,
    standin: StandIn,
    clients: list[HttpClient],
    make: Callable[[int], tuple[str, Json]],
    count: int,
    max_in_flight: int,
) -> None:
    """Without a restart; no connection is left behind, and never more than allowed are open."""
    hangs = Hangs()
    async with raw_provider(hangs) as provider:
        settings = accounts(standin, provider.port, max_in_flight=max_in_flight)
        async with Worker(
            temporal, task_queue=settings.task_queue, plugins=[registration.register(settings)]
        ):
            handles = []
            for number in range(count):
                workflow, data = make(number)
                handles.append(
                    await temporal.start_workflow(
                        workflow,
                        {**data, "policies": POLICIES},
                        id=f"hang-{uuid.uuid4()}",
                        task_queue=settings.task_queue,
                    )
                )
            await provider.wait_until(lambda: len(provider.bodies) >= 4 * max_in_flight)
            hangs.is_well = True
            async with asyncio.timeout(180):
                outputs = await asyncio.gather(*(handle.result() for handle in handles))
            # Idle connections are closed by themselves.
            await provider.wait_until(lambda: provider.open == 0)

    assert [output["status"] for output in outputs] == ["success"] * count
    assert [(one.in_flight, one.connections and one.connections.busy) for one in clients] == [
        (0, 0)
    ] * 2
    # A connection is closed just after its place is free again.
    assert provider.most_open <= 2 * max_in_flight


async def test_waiting_for_a_place_costs_no_attempt(
    temporal: Client, standin: StandIn, clients: list[HttpClient]
) -> None:
    """Of a batch that goes out one by one: each waits as long as the batch's attempt lasts."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        await answering(OK)(reader, writer)

    async with raw_provider(respond) as provider:
        settings = accounts(standin, provider.port, max_in_flight=1)
        request = {
            "single_attempt_timeout": 1,
            "heartbeat_timeout": 1,
            "retry_policy": {"maximum_attempts": 1},
        }
        async with Worker(
            temporal, task_queue=settings.task_queue, plugins=[registration.register(settings)]
        ):
            workflow, data = one_by_one(1)
            output = await temporal.execute_workflow(
                workflow,
                {**data, "policies": {"request": request}},
                id=f"wait-{uuid.uuid4()}",
                task_queue=settings.task_queue,
            )

    assert (output["status"], output["accepted"]) == ("success", 8)
    assert len(provider.bodies) == 8
    assert provider.most_open == 1
    assert {one.in_flight for one in clients} == {0}
