"""An answer of 200 is a promise that Temporal keeps: what is stored, once, in order."""

import asyncio
import itertools

import httpx
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.client.buffering.delivered import messages
from tests.conftest import settings_for
from tests.gateway.arrivals import (
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
from tests.gateway.processes import address, gateway_process
from tests.worker.deliveries import own_worker
from tests.worker.processes import worker_process


async def test_a_repeated_batch(
    http: httpx.AsyncClient, standin: StandIn, temporal: Client
) -> None:
    """The same messages in the same order start nothing, while it runs and after it has run."""
    sent = [good(), good()]
    answers = await asyncio.gather(
        *(http.post("/v1/batch", json={"batch": sent}, auth=AUTH) for _ in range(5))
    )
    await outcome(temporal, batch_id(ids(sent)))
    answers.append(await http.post("/v1/import", json={"batch": sent, "sentAt": "x"}, auth=AUTH))
    marker = good()
    await http.post("/v1/batch", json={"batch": [marker]}, auth=AUTH)
    await arrived(standin, ids([marker]))

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, SUCCESS)] * 6
    assert ids(messages(standin)) == ids([*sent, marker])


async def test_other_batches(http: httpx.AsyncClient, standin: StandIn) -> None:
    """Another order, or another source, is another batch."""
    one, other = good(), good()

    for batch in ([one, other], [other, one]):
        await http.post("/v1/batch", json={"batch": batch}, auth=AUTH)
    await http.post("/v1/batch", json={"batch": [one, other]}, auth=("journy", ""))

    requests = await standin.wait_for(3)
    assert sorted(request["integration"] for request in requests) == [
        "journy",
        "segment",
        "segment",
    ]


async def test_several_integrations(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """An execution for each; a sick provider does not hold up the other."""
    standin.script("rudderstack", *[{"status": 500}] * 1000)
    both = {"ANALYTICS_SOURCES__SEGMENT__INTEGRATIONS": "rudderstack, segment"}
    many, single = [good(), good()], good()

    async with (
        gateway_process(address(temporal), task_queue, settings=both) as gateway,
        own_worker(temporal, settings_for(standin, task_queue=task_queue)),
        client(gateway) as http,
    ):
        answers = [
            await http.post("/v1/batch", json={"batch": many}, auth=AUTH),
            await http.post("/v1/track", json=single, auth=AUTH),
        ]
        handles = await executions(temporal, task_queue, 4)
        await outcome(temporal, batch_id(ids(many)))
        sick = temporal.get_workflow_handle(batch_id(ids(many), integration="rudderstack"))
        there = (await sick.describe()).status
        async with asyncio.timeout(60):
            requests = 0
            while not {*ids(many), single["messageId"]} <= set(_at_segment(standin)):
                requests += 1
                await standin.wait_for(requests)
        for handle in handles:
            await handle.terminate() if "rudderstack" in handle.id else await handle.result()

    assert [answer.status_code for answer in answers] == [200, 200]
    assert there is not None
    assert there.name == "RUNNING"
    names = sorted(handle.id.partition(":")[0] for handle in handles)
    assert names == ["rudderstack", "rudderstack", "segment", "segment"]


def _at_segment(standin: StandIn) -> list[str]:
    bodies = [one["body"] for one in standin.requests if one["integration"] == "segment"]
    return [message["messageId"] for body in bodies for message in body["batch"]]


async def test_a_large_batch(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """In parts that executions can hold, in the order of the request; the same when repeated."""
    large = {"ANALYTICS_SOURCES__SEGMENT__BODY_LIMIT_BYTES": str(8 * 1024 * 1024)}
    sent = [good(properties={"text": "x" * 3000}) for _ in range(2500)]

    async with (
        gateway_process(address(temporal), task_queue, settings=large) as gateway,
        client(gateway) as http,
    ):
        for _ in range(2):
            answer = await http.post("/v1/batch", json={"batch": sent}, auth=AUTH)
            assert (answer.status_code, answer.json()) == (200, SUCCESS)
    handles = await executions(temporal, task_queue, 2)
    sizes = [len(await inputs(handle)) for handle in handles]
    async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
        there = await arrived(standin, ids(sent))
        outputs = [await outcome(temporal, handle.id) for handle in handles]

    assert max(sizes) < 2 * 1024 * 1024
    assert sum(output["accepted"] for output in outputs) == len(sent)
    assert sorted(ids(there)) == sorted(ids(sent))
    place = {id_: index for index, id_ in enumerate(ids(sent))}
    for request in standin.requests:
        places = [place[id_] for id_ in ids(request["body"]["batch"])]
        assert all(after - before == 1 for before, after in itertools.pairwise(places))


async def test_a_large_context(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """It goes with each message: the fewer of them are in an execution, and all arrive."""
    batch = [good() for _ in range(1000)]

    async with (
        worker_process(temporal, standin, task_queue),
        gateway_process(address(temporal), task_queue) as gateway,
        client(gateway) as http,
    ):
        body = {"batch": batch, "context": {"page": {"title": "x" * 20_000}}}
        answer = await http.post("/v1/batch", json=body, auth=AUTH)
        there = await arrived(standin, ids(batch))

    assert answer.json() == SUCCESS
    assert sorted(ids(there)) == sorted(ids(batch))


async def test_a_context_that_makes_too_much(http: httpx.AsyncClient) -> None:
    """A small request must not become many large executions."""
    body = {"batch": [{}] * 1000, "context": {"page": {"title": "x" * 400_000}}}

    answer = await http.post("/v1/batch", json=body, auth=AUTH)

    assert answer.status_code == 413
    assert "what context makes" in answer.json()["message"]


async def test_gathered_singles(temporal: Client, task_queue: str) -> None:
    """Requests at the same time share executions, one integration each, and none is lost."""
    patient = {"ANALYTICS_GATEWAY__GATHER_INTERVAL": "0.1"}
    sent = {name: [good() for _ in range(50)] for name in ("segment", "rudderstack")}

    async with (
        gateway_process(address(temporal), task_queue, settings=patient) as gateway,
        client(gateway) as http,
    ):
        answers = await asyncio.gather(
            *(
                http.post("/v1/track", json=one, auth=(name, ""))
                for name, several in sent.items()
                for one in several
            )
        )
    handles = await executions(temporal, task_queue, 2)
    stored = [(handle.id, await inputs(handle)) for handle in handles]

    assert {answer.status_code for answer in answers} == {200}
    assert len(handles) < 20
    for name, several in sent.items():
        there = b"".join(content for id_, content in stored if id_.startswith(name))
        assert all(there.count(id_.encode()) == 1 for id_ in ids(several))


async def test_too_many_requests(temporal: Client, task_queue: str) -> None:
    """429 with both headers that SDKs look for; a source has no part in another's limit."""
    limits = {
        "ANALYTICS_SOURCES__SEGMENT__REQUESTS_PER_SECOND": "0.01",
        "ANALYTICS_SOURCES__JOURNY__REQUESTS_PER_SECOND": "3",
    }

    async with (
        gateway_process(address(temporal), task_queue, settings=limits) as gateway,
        client(gateway) as http,
    ):
        answers = [await http.post("/v1/track", json=good(), auth=AUTH) for _ in range(2)]
        answers.append(await http.post("/v1/batch", json={"batch": [], "writeKey": "segment"}))
        answers.append(await http.delete("/v1/users/u-1", auth=AUTH))
        others = [await http.post("/v1/track", json=good(), auth=("journy", "")) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 429, 429, 429]
    for answer in answers[1:]:
        assert answer.headers["Retry-After"] == answer.headers["X-RateLimit-Reset"]
        assert 90 <= int(answer.headers["Retry-After"]) <= 100
        assert answer.json() == {
            "success": False,
            "code": "too_many_requests",
            "message": "more than 0.01 requests a second: send more in each",
        }
    assert [answer.status_code for answer in others] == [200] * 3
