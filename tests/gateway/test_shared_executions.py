"""Messages and lists that arrive together share executions."""

import asyncio
import json

from temporalio.client import Client

from tests.support.gateway_messages import (
    client,
    executions,
    good,
    ids,
    inputs,
)
from tests.support.gateway_process import address, gateway_process
from tests.support.json_objects import Json


async def test_simultaneous_single_messages_share_executions(
    temporal: Client, task_queue: str
) -> None:
    """Each execution has one integration, and each message is stored once."""
    patient = {"ANALYTICS_GATEWAY__GATHER_INTERVAL": "0.1"}
    sent = {name: [good() for _ in range(50)] for name in ("segment", "rudderstack")}

    async with (
        gateway_process(address(temporal), task_queue, settings=patient) as gateway,
        client(gateway) as http,
    ):
        responses = await asyncio.gather(
            *(
                http.post("/v1/track", json=message, auth=(name, ""))
                for name, several in sent.items()
                for message in several
            )
        )
    handles = await executions(temporal, task_queue, 2)
    stored = [(handle.id, await inputs(handle)) for handle in handles]

    assert {response.status_code for response in responses} == {200}
    assert len(handles) < 20
    for name, several in sent.items():
        contents = b"".join(content for id_, content in stored if id_.startswith(name))
        assert all(contents.count(id_.encode()) == 1 for id_ in ids(several))


async def test_simultaneous_lists_share_executions(temporal: Client, task_queue: str) -> None:
    """The messages of each list stay together, in order; a repeated list is stored once."""
    patient = {"ANALYTICS_GATEWAY__GATHER_INTERVAL": "0.1"}
    lists = [[good() for _ in range(15)] for _ in range(40)]
    sdk = {"library": {"name": "sdk"}}

    async with (
        gateway_process(address(temporal), task_queue, settings=patient) as gateway,
        client(gateway) as http,
    ):

        async def send(batch: list[Json], name: str, **beside: Json) -> int:
            body = {"batch": batch, **beside}
            return (await http.post("/v1/batch", json=body, auth=(name, ""))).status_code

        statuses = await asyncio.gather(
            *(send(batch, "segment") for batch in lists[:20] * 2),
            *(send(batch, "segment", context=sdk) for batch in lists[20:30]),
            *(send(batch, "rudderstack") for batch in lists[30:]),
        )
        statuses.append(await send([*lists[0], *lists[1]], "segment"))
    handles = await executions(temporal, task_queue, 3)
    stored = [(handle.id.partition(":")[0], json.loads(await inputs(handle))) for handle in handles]

    assert set(statuses) == {200}
    assert len(handles) < 20
    for several, name, context in (
        (lists[:20], "segment", None),
        (lists[20:30], "segment", sdk),
        (lists[30:], "rudderstack", None),
    ):
        batches = [
            ids(body["messages"])
            for integration, body in stored
            if (integration, body.get("context")) == (name, context)
        ]
        assert sum(map(len, batches)) == 15 * len(several)
        starts = {batch[at]: batch[at : at + 15] for batch in batches for at in range(len(batch))}
        assert all(starts[ids(batch)[0]] == ids(batch) for batch in several)
