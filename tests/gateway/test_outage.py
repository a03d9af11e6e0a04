"""While Temporal is away nobody is told that a message is stored."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest
from temporalio.client import Client

from tests.gateway.arrivals import AUTH, SUCCESS, batch_id, client, good, ids
from tests.gateway.processes import Gateway, Way, address, gateway_process

REQUESTS = {
    "single": httpx.Request("POST", "/v1/track", json=good()),
    "batch": httpx.Request("POST", "/v1/batch", json={"batch": [good(), good()]}),
    "delete": httpx.Request("DELETE", "/v1/users/u-1"),
    "ready": httpx.Request("GET", "/ready"),
}

_SOON = 10
"""Seconds, on a busy machine; what nobody answers would take 30."""


@dataclass
class Cut:
    """A gateway whose way to Temporal can be blocked."""

    way: Way
    gateway: Gateway
    http: httpx.AsyncClient

    async def send(self, name: str) -> httpx.Response:
        """Send one of the requests."""
        one = REQUESTS[name]
        return await self.http.request(one.method, str(one.url), content=one.content, auth=AUTH)


@pytest.fixture
async def cut(temporal: Client, task_queue: str) -> AsyncIterator[Cut]:
    """One that has Temporal within reach."""
    async with (
        Way(address(temporal)) as way,
        gateway_process(way.address, task_queue) as gateway,
        client(gateway) as http,
    ):
        yield Cut(way, gateway, http)


@pytest.mark.parametrize("block", [Way.cut, Way.hold])
async def test_temporal_goes_away_and_comes_back(cut: Cut, block: Callable[[Way], None]) -> None:
    """503 soon (`answer_timeout`), to be sent again; then 200, without a new start."""
    for name in REQUESTS:
        answer = await cut.send(name)
        assert (name, answer.status_code, answer.json()) == (name, 200, SUCCESS)

    block(cut.way)
    for name in REQUESTS:
        async with asyncio.timeout(_SOON):
            answer = await cut.send(name)
        assert (name, answer.status_code) == (name, 503)
        assert answer.headers["Retry-After"] == answer.headers["X-RateLimit-Reset"] == "1"
        assert answer.json() == {
            "success": False,
            "code": "service_unavailable",
            "message": "not stored: Temporal is out of reach; send it again",
        }
    assert (await cut.http.get("/health")).json() == SUCCESS

    cut.way.mend()
    async with asyncio.timeout(30):
        while (await cut.send("ready")).status_code != 200:
            pass
    for name in REQUESTS:
        answer = await cut.send(name)
        assert (name, answer.status_code, answer.json()) == (name, 200, SUCCESS)
    told = [line for line in cut.gateway.run.lines if "Temporal" in line][1:]
    assert "Temporal is out of reach: answering 503" in told[0]
    assert "Temporal takes messages again" in told[-1]


@pytest.mark.parametrize("block", [Way.cut, Way.hold])
async def test_many_at_once_while_it_is_away(cut: Cut, block: Callable[[Way], None]) -> None:
    """All of them are answered, whichever of them were gathered."""
    block(cut.way)

    async def send() -> int:
        return (await cut.http.post("/v1/track", json=good(), auth=AUTH)).status_code

    async with asyncio.timeout(_SOON):
        assert set(await asyncio.gather(*(send() for _ in range(50)))) == {503}


async def test_a_gateway_that_starts_before_temporal(temporal: Client, task_queue: str) -> None:
    """It is up, says that it is not ready, and needs no second start."""
    async with Way(address(temporal)) as way:
        way.cut()
        async with gateway_process(way.address, task_queue) as gateway, client(gateway) as http:
            assert (await http.get("/health")).status_code == 200
            assert (await http.get("/ready")).status_code == 503
            assert (await http.post("/v1/track", json=good(), auth=AUTH)).status_code == 503
            way.mend()
            async with asyncio.timeout(30):
                while (await http.get("/ready")).status_code != 200:
                    pass
            assert (await http.post("/v1/track", json=good(), auth=AUTH)).status_code == 200


async def test_a_batch_that_is_sent_again_after_503(cut: Cut, temporal: Client) -> None:
    """The execution is the same, whether the first request had started it or not."""
    sent = [good(), good()]
    body = {"batch": sent}
    statuses = []

    cut.way.cut()
    statuses.append((await cut.http.post("/v1/batch", json=body, auth=AUTH)).status_code)
    cut.way.mend()
    async with asyncio.timeout(30):
        while statuses[-1] != 200:
            statuses.append((await cut.http.post("/v1/batch", json=body, auth=AUTH)).status_code)

    assert statuses[0] == 503
    history = await temporal.get_workflow_handle(batch_id(ids(sent))).fetch_history()
    assert history.events[0].workflow_execution_started_event_attributes.attempt == 1
