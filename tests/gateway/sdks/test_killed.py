"""A gateway killed while an SDK is sending: nothing acknowledged is missing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.free_ports import free_port
from tests.support.gateway_process import address, gateway_process
from tests.support.json_objects import Json
from tests.support.python_sdk import PythonSdk
from tests.support.recording_proxy import RecordingProxy, all_arrived
from tests.support.sdk_calls import Call, ids_of, tracks
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import own_worker

pytestmark = pytest.mark.slow

_CONNECTIONS = 20


@dataclass
class Provider:
    """A stand-in that only this test's messages reach, later repetitions too."""

    standin: StandIn
    task_queue: str


@pytest.fixture
async def provider(temporal: Client, task_queue: str) -> AsyncIterator[Provider]:
    """A stand-in, and a worker that delivers to it."""
    async with StandIn() as standin:
        settings = settings_for(standin, task_queue=task_queue)
        async with own_worker(temporal, settings):
            yield Provider(standin, task_queue)


def events(messages: list[Json]) -> set[tuple[str, str]]:
    """Each id with what came under it."""
    return {(message["messageId"], message["event"]) for message in messages}


def as_called(calls: list[Call]) -> set[tuple[str, str]]:
    """The same, as the SDK was called."""
    return events([arguments for _, arguments in calls])


async def test_sdk_retries_batches_through_the_next_gateway(
    temporal: Client, provider: Provider
) -> None:
    """The SDK's own retry delivers the rest through the next gateway, each message once."""
    calls = tracks(300)
    port = free_port()
    where = address(temporal), provider.task_queue

    async with RecordingProxy(f"http://127.0.0.1:{port}") as recorder:
        sdk = PythonSdk(recorder.url, upload_size=10)
        async with gateway_process(*where, port=port) as gateway:
            sdk.send(calls)
            await recorder.answered(lambda exchange: exchange.status == 200, 5)
            gateway.run.process.kill()
            await gateway.run.ended()
        acknowledged = recorder.acknowledged()
        async with gateway_process(*where, port=port):
            await asyncio.to_thread(sdk.close)

    assert 0 < len(acknowledged) < len(calls)
    assert None in recorder.statuses()
    assert sdk.failures == []
    assert sorted(recorder.acknowledged()) == ids_of(calls)
    arrived = await all_arrived(provider.standin, ids_of(calls))
    assert events(arrived) == as_called(calls)
    assert len(arrived) == len(calls)


async def test_acknowledged_single_messages_survive_a_kill(
    temporal: Client, provider: Provider
) -> None:
    """Singles that were not answered are sent again; whatever comes twice has the same id."""
    calls = tracks(300)
    port = free_port()
    where = address(temporal), provider.task_queue

    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", auth=("segment", ""), trust_env=False, timeout=30
    ) as http:
        singles = Singles(http, calls, enough=60)
        async with gateway_process(*where, port=port) as gateway:
            sending = asyncio.create_task(singles.send())
            await asyncio.wait_for(singles.has_enough.wait(), 60)
            gateway.run.process.kill()
            await gateway.run.ended()
            await sending
        acknowledged = len(singles.acknowledged)
        async with gateway_process(*where, port=port), asyncio.timeout(60):
            while singles.missing():
                await singles.send()

    assert 60 <= acknowledged < len(calls)
    assert sorted(singles.acknowledged) == ids_of(calls)
    assert events(await all_arrived(provider.standin, ids_of(calls))) == as_called(calls)


class Singles:
    """Sends each message in a request of its own.

    Args:
        http: A client of the gateway.
        calls: The messages.
        enough: How many answers of 200 to tell of.
    """

    def __init__(self, http: httpx.AsyncClient, calls: list[Call], enough: int) -> None:
        self._http = http
        self._calls = calls
        self._enough = enough
        self.acknowledged: list[str] = []
        self.has_enough = asyncio.Event()

    def missing(self) -> list[Call]:
        """What has not been answered 200."""
        had = set(self.acknowledged)
        return [call for call in self._calls if call[1]["messageId"] not in had]

    async def send(self) -> None:
        """Send what is missing; returns when all is answered, or each connection is lost."""
        waiting = iter(self.missing())
        await asyncio.gather(*(self._send_on_one_connection(waiting) for _ in range(_CONNECTIONS)))

    async def _send_on_one_connection(self, waiting: Iterator[Call]) -> None:
        for method, message in waiting:
            try:
                response = await self._http.post(f"/v1/{method}", json=message)
            except httpx.TransportError:
                return
            assert response.status_code in {200, 503}
            if response.status_code == 200:
                self.acknowledged.append(message["messageId"])
            if len(self.acknowledged) >= self._enough:
                self.has_enough.set()
