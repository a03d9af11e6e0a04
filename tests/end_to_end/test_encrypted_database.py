"""Planted personal data is found nowhere in the database of a server whose payloads are encrypted.

The same deliveries without keys are the control: there, the search finds it.
"""

import asyncio
import base64
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from durable_analytics import AnalyticsClient, BufferingClient, DeliveryError
from durable_analytics.temporal import integration_control as control
from durable_analytics.temporal.connection import connect
from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.temporal.search_attributes import register as register_search_attributes
from durable_analytics.testing import StandIn
from tests.support.command import Command
from tests.support.embedded_server import server
from tests.support.free_ports import free_port
from tests.support.gateway_process import gateway_process
from tests.support.json_objects import Json
from tests.support.visible import until_visible
from tests.support.worker_settings import QUICK_RETRIES, settings_for
from tests.worker.deliveries import own_process
from worker import data_converter

pytestmark = pytest.mark.slow

EMAIL, NAME, USER = "jane.planted@example.org", "Jane Plantedsson", "user-7f3a91c2"
PERSON: Json = {"email": EMAIL, "name": NAME}
BATCHES, MESSAGES_OF_BATCH, SINGLES, FAILURES = 18, 50, 100, 12
EXPIRES = "Expires While Paused"
ITEM: Json = {"type": "track", "user_id": USER, "event": "Hi", "properties": PERSON}
ECHO: Json = {"body": {"error": f"cannot take {NAME} <{EMAIL}>", "user": USER}}
"""What a provider repeats of the message that it refuses."""


def traces_in(folder: Path) -> list[str]:
    """The planted data that the files of a folder contain, as it is or in base64."""
    content = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    return [text for text in (EMAIL, NAME, USER) if any(w in content for w in written(text))]


def written(text: str) -> list[bytes]:
    """A text as it may stand in a file: as it is, and in base64 at each of three offsets."""
    raw = text.encode()
    encoded = [base64.b64encode(b"\0" * offset + raw + b"\0\0\0") for offset in range(3)]
    return [raw, *(one[4 : len(one) - 8] for one in encoded)]


async def deliver(client: Client, queue: str, number: int) -> None:
    """One message that is delivered."""
    analytics = AnalyticsClient(
        client, task_queue=queue, user_hash_keys=["a-key"], start_timeout=60
    )
    handle = await analytics.track(
        integration="segment",
        user_id=USER,
        event="Order Completed",
        properties={"number": number, **PERSON},
        context={"traits": PERSON},
    )
    await handle.result()


async def fail(client: Client, standin: StandIn, queue: str, number: int) -> str:
    """One message that fails, in one of three ways; the provider repeats what it got."""
    analytics = AnalyticsClient(client, task_queue=queue, integration="journy", start_timeout=60)
    if number % 3 == 0:
        standin.script("journy", {"status": 500, **ECHO}, {"status": 400, **ECHO})
    elif number % 3 == 1:
        standin.script("journy", {"status": 401, **ECHO})
    integration = "nowhere" if number % 3 == 2 else "journy"
    handle = await analytics.identify(integration=integration, user_id=USER, traits=PERSON)
    with pytest.raises(DeliveryError):
        await handle.result()
    return handle.workflow_id


async def fail_in_parts(client: Client, standin: StandIn, queue: str) -> None:
    """A batch that fails, one of which a message is refused, and fan-outs that fail at one."""
    analytics = AnalyticsClient(client, task_queue=queue, start_timeout=60)
    refusal = {"status": 400, **ECHO}
    standin.script("journy", refusal)
    failing = await analytics.batch([ITEM] * MESSAGES_OF_BATCH, integration="journy")
    with pytest.raises(DeliveryError):
        await failing.result()
    refused = {**ITEM, "type": "group", "traits": PERSON}
    partial = await analytics.batch([ITEM, refused], integration="segment")
    standin.script("journy", refusal)
    both = ["segment", "journy"]
    single = await analytics.track(deliver_to=both, user_id=USER, event="Hi", properties=PERSON)
    statuses = [(await handle.result())["status"] for handle in (partial, single)]
    standin.script("journy", refusal)
    batch = await analytics.batch([ITEM], deliver_to=both)
    statuses.append((await batch.result())["status"])
    assert statuses == ["partial"] * 3


async def until_operators_know(standin: StandIn) -> str:
    """Wait until the webhook has got an event of each kind; returns the reasons of pauses."""
    wanted = {"integration.paused", "integration.resumed", "delivery.failed"}
    async with asyncio.timeout(60):
        while True:
            events = [
                request["body"]["data"]
                for request in standin.requests
                if request["integration"] == "webhook"
            ]
            if wanted <= {event["event"] for event in events}:
                return str([event["properties"].get("reason") for event in events])
            await asyncio.sleep(0.1)  # its executions begin when they like


async def until_accepted(standin: StandIn, count: int) -> set[str | None]:
    """Wait until Segment has accepted so many messages besides the one that expires; at most 30 s.

    Returns:
        Their ids.
    """
    deadline = asyncio.get_running_loop().time() + 30
    while True:
        accepted = {
            message.id
            for message in standin.accepted["segment"]
            if message.content.get("event") != EXPIRES
        }
        if len(accepted) >= count or asyncio.get_running_loop().time() > deadline:
            return accepted
        await asyncio.sleep(0.1)  # a busy client sends more batches, which end later


async def deliver_through_gateway(address: str, queue: str, keys: Sequence[str]) -> None:
    """A message and a deletion that the gateway takes."""
    settings = {"ANALYTICS_ENCRYPTION_KEYS": ",".join(keys)} if keys else {}
    async with (
        gateway_process(address, queue, settings=settings) as gateway,
        httpx.AsyncClient(base_url=gateway.url, auth=("segment", "")) as http,
    ):
        message = {"userId": USER, "event": "Hi", "context": {"traits": PERSON}}
        assert (await http.post("/v1/track", json=message)).status_code == 200
        assert (await http.delete(f"/v1/users/{USER}")).status_code == 200


async def deliver_batches(queue: str, keys: Sequence[str]) -> None:
    """The clients that connect by themselves, with the setting that they take."""
    options: Json = {"task_queue": queue, "integration": "segment"}

    def send() -> None:
        with BufferingClient(
            encryption_keys=keys, max_batch_messages=MESSAGES_OF_BATCH, **options
        ) as client:
            for number in range(BATCHES * MESSAGES_OF_BATCH):
                client.track(user_id=USER, event="Hi", properties={"number": number, **PERSON})

    await asyncio.to_thread(send)


async def fill(standin: StandIn, client: Client, queue: str, keys: Sequence[str]) -> str:
    """Deliver, fail, and pause with personal data everywhere; returns the id of a failure."""
    await asyncio.gather(*(deliver(client, queue, n) for n in range(SINGLES)))
    await deliver_batches(queue, keys)
    await deliver_through_gateway(client.service_client.config.target_host, queue, keys)
    failed = [await fail(client, standin, queue, n) for n in range(FAILURES)]
    await fail_in_parts(client, standin, queue)
    done = f"TaskQueue = '{queue}' AND ExecutionStatus = 'Completed'"
    async with asyncio.timeout(120):
        await until_visible(client, done, SINGLES + BATCHES + 2)
    await control.pause(client, queue, "segment", reason=f"asked by {NAME}", by=EMAIL)
    await deliver_one_paused(client, queue)
    await asyncio.sleep(1)  # the server lists an execution half a second after its end
    return failed[0]


async def deliver_one_paused(client: Client, queue: str) -> None:
    """A message that waits, while its integration is paused, and ends so."""
    policies: Any = {"request": {"total_timeout": "PT1S"}}
    analytics = AnalyticsClient(client, task_queue=queue, policies=policies, start_timeout=60)
    handle = await analytics.track(
        integration="segment", user_id=USER, event=EXPIRES, traits=PERSON
    )
    with pytest.raises(DeliveryError, match=NAME):
        await handle.result()


@pytest.mark.parametrize("is_encrypted", [True, False])
async def test_nothing_of_a_thousand_deliveries_is_readable(
    standin: StandIn,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    is_encrypted: bool,
) -> None:
    """Not in payloads, failures, summaries, memos, details, search attributes or limits."""
    keys, queue, port = ([new_key("k1")] if is_encrypted else []), "analytics", free_port()
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    async with server(port, tmp_path / "data" / "temporal.db"), AsyncExitStack() as stack:
        converter = data_converter(compress=False, encryption_keys=keys)
        client = await connect(data_converter=converter)
        await register_search_attributes(client)
        settings = settings_for(
            standin,
            task_queue=queue,
            policies=QUICK_RETRIES,
            user_hash_keys=["a-key"],
            operator_webhook="webhook",
        )
        workers = await stack.enter_async_context(own_process(client, settings))
        assert len(workers) > 1
        failed_id = await fill(standin, client, queue, keys)
        variables = {"ANALYTICS_TASK_QUEUE": queue}
        if keys:
            variables["ANALYTICS_ENCRYPTION_KEYS"] = ",".join(keys)
        command = Command(capsys, monkeypatch, client, variables)

        rows = (await command("status", "--json")).json
        shown = (await command("failed", "show", failed_id)).out
        found = (await command("find", failed_id.rpartition(":")[2], "--json")).json
        listed = (await command("failed", "list", "--json")).json
        options = ("--type", "Unauthorized", "--limit", "2", "--yes", "--json")
        redriven = (await command("failed", "redrive", *options)).json
        # What is redriven waits for the end of the pause. A request whose response is late is sent
        # again, with the same ids. The message that expired may have been sent as its time ended.
        accepted = await until_accepted(standin, SINGLES + BATCHES * MESSAGES_OF_BATCH + 2 + 3)
        await command("resume", "segment")
        reasons = await until_operators_know(standin)
        parts = ("--type", "Rejected", "--yes", "--json")
        redriven_parts = (await command("failed", "redrive", *parts)).json
        if is_encrypted:
            monkeypatch.delenv("ANALYTICS_ENCRYPTION_KEYS")
            refused = await command("failed", "show", failed_id)
            assert refused.status == 2
            assert "the key k1" in refused.err

    assert NAME in next(row["reason"] for row in rows if row["integration"] == "segment")
    assert USER in shown
    assert EMAIL in shown
    assert found[0]["workflow_id"] == failed_id
    # Besides them: a message that expired, a batch, and a part of a batch and of two fan-outs.
    assert len(listed) == FAILURES + 1 + 4
    assert f"asked by {NAME}" in reasons
    # The gateway sends two more: one to track, and one to the API that deletes. Three are of a
    # partial batch and of fan-outs.
    assert len(accepted) == SINGLES + BATCHES * MESSAGES_OF_BATCH + 2 + 3
    assert (redriven["selected"], redriven["redriven"]) == (2, 2)
    assert (redriven_parts["redriven"], redriven_parts["failed"]) == (
        FAILURES // 3 + MESSAGES_OF_BATCH + 2,
        0,
    )
    assert traces_in(tmp_path / "data") == ([] if is_encrypted else [EMAIL, NAME, USER])
