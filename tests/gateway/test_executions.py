"""Executions for accepted requests: stored once, in order."""

import asyncio
import itertools

import httpx
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.delivered import messages
from tests.support.gateway_messages import (
    AUTH,
    SUCCESS,
    arrived,
    batch_id,
    client,
    executions,
    good,
    ids,
    inputs,
    outcome,
)
from tests.support.gateway_process import address, gateway_process
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import own_worker


async def test_repeated_batch_starts_no_second_execution(
    http: httpx.AsyncClient, standin: StandIn, temporal: Client
) -> None:
    """While the first execution runs, and after it has ended."""
    sent = [good(), good()]
    responses = await asyncio.gather(
        *(http.post("/v1/batch", json={"batch": sent}, auth=AUTH) for _ in range(5))
    )
    await outcome(temporal, batch_id(sent))
    responses.append(await http.post("/v1/import", json={"batch": sent, "sentAt": "x"}, auth=AUTH))
    marker = good()
    await http.post("/v1/batch", json={"batch": [marker]}, auth=AUTH)
    await arrived(standin, ids([marker]))

    assert [(response.status_code, response.json()) for response in responses] == [
        (200, SUCCESS)
    ] * 6
    assert ids(messages(standin)) == ids([*sent, marker])


async def test_messages_with_a_blank_id_are_not_repetitions(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    """A blank id identifies nothing, also if the content is the same."""
    message = good(messageId=" ")
    responses = [await http.post("/v1/track", json=message, auth=AUTH) for _ in range(2)]
    responses.append(await http.post("/v1/batch", json={"batch": [message] * 2}, auth=AUTH))

    assert [response.status_code for response in responses] == [200] * 3
    async with asyncio.timeout(60):
        requests = 0
        while len(messages(standin)) < 4:
            requests += 1
            await standin.wait_for(requests)
    assert len({*ids(messages(standin))}) == 4


async def test_same_messages_of_another_source_are_another_batch(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    """In another order they are the same batch, sent again."""
    first, second = good(), good()

    for batch in ([first, second], [second, first]):
        await http.post("/v1/batch", json={"batch": batch}, auth=AUTH)
    await http.post("/v1/batch", json={"batch": [first, second]}, auth=("journy", ""))

    requests = await standin.wait_for(2)
    assert sorted(request["integration"] for request in requests) == ["journy", "segment"]


async def test_each_integration_gets_its_own_execution(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """A failing provider does not delay the other."""
    standin.script("rudderstack", *[{"status": 500}] * 1000)
    both = {"ANALYTICS_SOURCES__SEGMENT__INTEGRATIONS": "rudderstack, segment"}
    many, single = [good(), good()], good()

    async with (
        gateway_process(address(temporal), task_queue, settings=both) as gateway,
        own_worker(temporal, settings_for(standin, task_queue=task_queue)),
        client(gateway) as http,
    ):
        responses = [
            await http.post("/v1/batch", json={"batch": many}, auth=AUTH),
            await http.post("/v1/track", json=single, auth=AUTH),
        ]
        handles = await executions(temporal, task_queue, 4)
        await outcome(temporal, batch_id(many))
        failing = temporal.get_workflow_handle(batch_id(many, integration="rudderstack"))
        status = (await failing.describe()).status
        async with asyncio.timeout(60):
            requests = 0
            while not {*ids(many), single["messageId"]} <= set(_at_segment(standin)):
                requests += 1
                await standin.wait_for(requests)
        for handle in handles:
            await handle.terminate() if "rudderstack" in handle.id else await handle.result()

    assert [response.status_code for response in responses] == [200, 200]
    assert status is not None
    assert status.name == "RUNNING"
    names = sorted(handle.id.partition(":")[0] for handle in handles)
    assert names == ["rudderstack", "rudderstack", "segment", "segment"]


def _at_segment(standin: StandIn) -> list[str]:
    bodies = [row["body"] for row in standin.requests if row["integration"] == "segment"]
    return [message["messageId"] for body in bodies for message in body["batch"]]


async def test_large_batch_is_split_in_order(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """A retry is split in the same way, and starts nothing."""
    large = {"ANALYTICS_SOURCES__SEGMENT__BODY_LIMIT_BYTES": str(8 * 1024 * 1024)}
    sent = [good(properties={"text": "x" * 3000}) for _ in range(2500)]

    async with (
        gateway_process(address(temporal), task_queue, settings=large) as gateway,
        client(gateway) as http,
    ):
        for _ in range(2):
            response = await http.post("/v1/batch", json={"batch": sent}, auth=AUTH)
            assert (response.status_code, response.json()) == (200, SUCCESS)
    handles = await executions(temporal, task_queue, 2)
    sizes = [len(await inputs(handle)) for handle in handles]
    async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
        received = await arrived(standin, ids(sent))
        outputs = [await outcome(temporal, handle.id) for handle in handles]

    assert max(sizes) < 2 * 1024 * 1024
    assert sum(output["accepted"] for output in outputs) == len(sent)
    assert sorted(ids(received)) == sorted(ids(sent))
    index_of = {id_: index for index, id_ in enumerate(ids(sent))}
    for request in standin.requests:
        indexes = [index_of[id_] for id_ in ids(request["body"]["batch"])]
        assert all(after - before == 1 for before, after in itertools.pairwise(indexes))


async def test_large_context_reduces_messages_per_execution(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The worker copies it into each message; all messages are delivered."""
    batch = [good() for _ in range(1000)]

    async with (
        own_worker(temporal, settings_for(standin, task_queue=task_queue)),
        gateway_process(address(temporal), task_queue) as gateway,
        client(gateway) as http,
    ):
        body = {"batch": batch, "context": {"page": {"title": "x" * 20_000}}}
        response = await http.post("/v1/batch", json=body, auth=AUTH)
        received = await arrived(standin, ids(batch))

    assert response.json() == SUCCESS
    assert sorted(ids(received)) == sorted(ids(batch))


async def test_context_with_too_many_copies_gets_413(http: httpx.AsyncClient) -> None:
    """A small request must not start many large executions."""
    body = {"batch": [{}] * 1000, "context": {"page": {"title": "x" * 400_000}}}

    response = await http.post("/v1/batch", json=body, auth=AUTH)

    assert response.status_code == 413
    assert "context, copied into all executions, is larger" in response.json()["message"]


async def test_rate_limit_gets_429_with_retry_headers(temporal: Client, task_queue: str) -> None:
    """Each source has its own limit."""
    limits = {
        "ANALYTICS_SOURCES__SEGMENT__REQUESTS_PER_SECOND": "0.01",
        "ANALYTICS_SOURCES__JOURNY__REQUESTS_PER_SECOND": "3",
    }

    async with (
        gateway_process(address(temporal), task_queue, settings=limits) as gateway,
        client(gateway) as http,
    ):
        responses = [await http.post("/v1/track", json=good(), auth=AUTH) for _ in range(2)]
        responses.append(await http.post("/v1/batch", json={"batch": [], "writeKey": "segment"}))
        responses.append(await http.delete("/v1/users/u-1", auth=AUTH))
        others = [await http.post("/v1/track", json=good(), auth=("journy", "")) for _ in range(3)]

    assert [response.status_code for response in responses] == [200, 429, 429, 429]
    for response in responses[1:]:
        assert response.headers["Retry-After"] == response.headers["X-RateLimit-Reset"]
        assert 90 <= int(response.headers["Retry-After"]) <= 100
        assert response.json() == {
            "success": False,
            "code": "too_many_requests",
            "message": "more than 0.01 requests a second: put more messages into each request",
        }
    assert [response.status_code for response in others] == [200] * 3
