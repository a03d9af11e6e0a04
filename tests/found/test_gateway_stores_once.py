"""A message is stored once, however often and however different its sender's attempts are."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from temporalio.client import Client

from tests.support.gateway_messages import AUTH, client, executions, good, inputs
from tests.support.gateway_process import BlockableProxy, address, gateway_process
from tests.support.json_objects import Json

IMPATIENT = {"ANALYTICS_GATEWAY__ANSWER_TIMEOUT": "0.5"}
SLOW_SECONDS = 1.2
"""Longer than an impatient gateway waits."""


async def stored(temporal: Client, task_queue: str, at_least: int) -> Counter[str]:
    """How often each message id is stored, once there are so many."""
    async with asyncio.timeout(60):
        while True:
            counts: Counter[str] = Counter()
            for handle in await executions(temporal, task_queue, 1):
                messages = json.loads(await inputs(handle))["messages"]
                counts.update(message["messageId"] for message in messages)
            if counts.total() >= at_least:
                return counts


async def is_answered(http: httpx.AsyncClient, path: str, body: Json) -> None:
    """Send this until the answer is 200, as SDKs do; each attempt at a time of its own."""
    async with asyncio.timeout(60):
        while True:
            answer = await http.post(path, json={**body, "sentAt": f"{id(object())}"}, auth=AUTH)
            if answer.status_code == 200:
                return
            assert answer.status_code == 503
            await asyncio.sleep(0.2)


@pytest.fixture
async def proxy(temporal: Client) -> AsyncIterator[BlockableProxy]:
    """A way to Temporal."""
    async with BlockableProxy(address(temporal)) as proxy:
        yield proxy


@pytest.mark.slow
async def test_four_attempts_while_a_store_takes_long(
    temporal: Client, task_queue: str, proxy: BlockableProxy
) -> None:
    """20 messages, each sent four times while none is answered: 20 are stored."""
    sent = [good() for _ in range(20)]
    async with (
        gateway_process(proxy.address, task_queue, settings=IMPATIENT) as gateway,
        client(gateway) as http,
    ):
        await http.get("/ready")
        proxy.delay_seconds = SLOW_SECONDS

        async def send(message: Json) -> list[int]:
            return [
                (await http.post("/v1/track", json=message, auth=AUTH)).status_code
                for _ in range(4)
            ]

        statuses = await asyncio.gather(*map(send, sent))
        counts = await stored(temporal, task_queue, 20)
        proxy.delay_seconds = 0
        again = await asyncio.gather(*map(send, sent))
        counts = await stored(temporal, task_queue, 20)

    assert {status[0] for status in statuses} == {503}
    assert {status for four in again for status in four} == {200}
    assert counts == Counter({message["messageId"]: 1 for message in sent})


@pytest.mark.parametrize(
    "block",
    [BlockableProxy.disconnect, pytest.param(BlockableProxy.stall, marks=pytest.mark.slow)],
)
async def test_attempts_over_an_outage(
    temporal: Client, task_queue: str, proxy: BlockableProxy, block: object
) -> None:
    """What was on its way when Temporal went away is stored once, and answered at last."""
    sent = [good() for _ in range(20)]
    lists = [{"batch": [good(), good()]} for _ in range(3)]
    async with (
        gateway_process(proxy.address, task_queue) as gateway,
        client(gateway) as http,
    ):
        await http.get("/ready")
        assert callable(block)
        block(proxy)
        waiting = [asyncio.create_task(is_answered(http, "/v1/track", one)) for one in sent]
        waiting += [asyncio.create_task(is_answered(http, "/v1/batch", one)) for one in lists]
        await gateway.run.line("Temporal is out of reach")
        proxy.restore()
        await asyncio.gather(*waiting)
        counts = await stored(temporal, task_queue, 26)

    assert set(counts.values()) == {1}
    assert len(counts) == 26


async def test_a_list_whose_store_takes_long(
    temporal: Client, task_queue: str, proxy: BlockableProxy
) -> None:
    """Its sender is answered 200 as soon as it is stored, whatever the attempt says of its time."""
    batch = [good(), good()]
    async with (
        gateway_process(proxy.address, task_queue, settings=IMPATIENT) as gateway,
        client(gateway) as http,
    ):
        await http.get("/ready")
        proxy.delay_seconds = SLOW_SECONDS
        await is_answered(http, "/v1/batch", {"batch": batch})
        counts = await stored(temporal, task_queue, 2)

    assert set(counts.values()) == {1}


@pytest.mark.slow
async def test_messages_that_come_again_in_other_lists(
    temporal: Client, task_queue: str, proxy: BlockableProxy
) -> None:
    """Some SDKs divide what was answered 503 into other lists, with later messages among it."""
    sent = [good() for _ in range(9)]
    async with (
        gateway_process(proxy.address, task_queue, settings=IMPATIENT) as gateway,
        client(gateway) as http,
    ):
        await http.get("/ready")
        proxy.delay_seconds = SLOW_SECONDS
        first = [sent[:3], sent[3:6]]
        answers = await asyncio.gather(
            *(http.post("/v1/batch", json={"batch": batch}, auth=AUTH) for batch in first)
        )
        for batch in (sent[1:4], [sent[6], sent[0]], [*sent[4:6], *sent[7:]]):
            await is_answered(http, "/v1/batch", {"batch": batch})
        counts = await stored(temporal, task_queue, 9)

    assert [answer.status_code for answer in answers] == [503, 503]
    assert counts == Counter({message["messageId"]: 1 for message in sent})


@pytest.mark.slow
async def test_a_slow_temporal_is_no_outage(task_queue: str, proxy: BlockableProxy) -> None:
    """50 senders of messages one after the other are all answered 200."""
    async with gateway_process(proxy.address, task_queue) as gateway, client(gateway) as http:
        await http.get("/ready")
        proxy.delay_seconds = SLOW_SECONDS

        async def send() -> list[int]:
            return [
                (await http.post("/v1/track", json=good(), auth=AUTH)).status_code for _ in range(2)
            ]

        statuses = await asyncio.gather(*(send() for _ in range(50)))
        log = "\n".join(gateway.run.lines)

    assert statuses == [[200, 200]] * 50
    assert "out of reach" not in log


async def test_messages_without_an_id(temporal: Client, task_queue: str) -> None:
    """Two of them are two messages, should they be the same otherwise."""
    body = {"type": "track", "userId": "u-1", "event": "Twice"}
    async with gateway_process(address(temporal), task_queue) as gateway, client(gateway) as http:
        for _ in range(2):
            await http.post("/v1/track", json=body, auth=AUTH)
            await http.post("/v1/batch", json={"batch": [body]}, auth=AUTH)
        counts = await stored(temporal, task_queue, 4)

    assert set(counts.values()) == {1}


async def test_one_id_for_different_messages(temporal: Client, task_queue: str) -> None:
    """Another method, another content or another source is another message, alone or in a list."""
    first = good(messageId="the-same")
    others = [
        first,
        {**first, "event": "Other"},
        {**first, "properties": {"n": 1}},
        {**first, "type": "page"},
    ]
    async with gateway_process(address(temporal), task_queue) as gateway, client(gateway) as http:
        for one in others:
            for count in range(2):
                retry = {
                    "sentAt": f"2026-01-31T00:00:0{count}Z",
                    "_metadata": {"retryCount": count},
                }
                for path, body in (
                    ("/v1/batch", {"batch": [one], "sentAt": retry["sentAt"]}),
                    (f"/v1/{one['type']}", {**one, **retry}),
                ):
                    answer = await http.post(path, json=body, auth=AUTH)
                    assert answer.status_code == 200
        answer = await http.post("/v1/track", json=first, auth=("journy", ""))
        counts = await stored(temporal, task_queue, 9)

    assert counts == {"the-same": 9}
