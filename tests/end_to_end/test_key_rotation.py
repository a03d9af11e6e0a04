"""Encryption keys are replaced as docs/security.md says, with a thousand messages in flight."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client, WorkflowHandle

from durable_analytics import BufferingClient
from durable_analytics.temporal import integration_control as control
from durable_analytics.temporal.encryption import KEY_ID
from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.testing import StandIn
from tests.support.gateway_process import address, gateway_process
from tests.support.json_objects import Json
from tests.support.visible import until_none_is_open
from tests.worker.load import Load
from tests.worker.processes import Running, worker_process
from worker import data_converter

pytestmark = pytest.mark.slow

K1, K2 = new_key("k1"), new_key("k2")


def ids(keys: list[str]) -> list[str]:
    """The ids of keys."""
    return [key.split(":")[0] for key in keys]


class Programs:
    """All programs that have keys, which they read from the same folder of secret files.

    Args:
        temporal: A client of the server.
        standin: The stand-in.
        task_queue: The task queue.
        secrets: The folder.
    """

    def __init__(self, temporal: Client, standin: StandIn, task_queue: str, secrets: Path) -> None:
        self._temporal = temporal
        self._standin = standin
        self._task_queue = task_queue
        self._secrets = secrets
        self.load = Load(task_queue)

    def write(self, keys: list[str]) -> None:
        """Write the setting."""
        (self._secrets / "ANALYTICS_ENCRYPTION_KEYS").write_text(",".join(keys))

    async def client(self, keys: list[str]) -> Client:
        """A client of Temporal with these keys."""
        converter = data_converter(compress=False, encryption_keys=keys)
        return await Client.connect(address(self._temporal), data_converter=converter)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Running]:
        """A worker process."""
        secrets = {"ANALYTICS_SECRETS_DIR": str(self._secrets)}
        async with worker_process(
            self._temporal, self._standin, self._task_queue, **secrets
        ) as process:
            yield process

    async def reload(self, worker: Running, keys: list[str]) -> None:
        """Let a worker read its settings again."""
        worker.process.send_signal(signal.SIGHUP)
        listed = ", ".join(f'"{one}"' for one in ids(keys))
        line = await worker.line(f'"encryption_keys": [{listed}]')
        assert "settings reloaded" in line

    async def send(self, keys: list[str]) -> None:
        """Start the programs that send, with these keys, and send messages with each."""
        client = await self.client(keys)
        await self.load.start(client)
        async with BufferingClient(
            client, integration="segment", task_queue=self._task_queue
        ) as buffering:
            for message in self.load.messages(20):
                del message["type"]
                buffering.track(**message)
        secrets = {"ANALYTICS_SECRETS_DIR": str(self._secrets)}
        async with (
            gateway_process(address(self._temporal), self._task_queue, settings=secrets) as gateway,
            httpx.AsyncClient(base_url=gateway.url, auth=("segment", ""), timeout=30) as http,
        ):
            body: Json = {"batch": self.load.messages(20)}
            assert (await http.post("/v1/batch", json=body)).status_code == 200


async def key_of_input(handle: WorkflowHandle[object, object]) -> str:
    """The id of the key that has encrypted the input of an execution."""
    first = (await handle.fetch_history()).events[0]
    (payload,) = first.workflow_execution_started_event_attributes.input.payloads
    return payload.metadata[KEY_ID].decode()


async def test_keys_are_replaced_with_a_thousand_messages_in_flight(
    temporal: Client, standin: StandIn, task_queue: str, tmp_path: Path
) -> None:
    """One program after the other, in each of the three steps: nothing fails, nothing twice."""
    programs = Programs(temporal, standin, task_queue, tmp_path)
    load = programs.load
    programs.write([K1])
    async with programs.worker() as reloaded:
        async with programs.worker() as replaced:
            first = await programs.client([K1])
            await control.pause(first, task_queue, "segment", reason="to have messages in flight")
            await load.start_thousand(first)
            oldest = load.handles[0]
            await programs.send([K1])

            programs.write([K1, K2])
            await programs.reload(reloaded, [K1, K2])
            await programs.send([K1, K2])
            replaced.process.terminate()
            assert await replaced.ended() == 0
        async with programs.worker() as replaced:
            programs.write([K2, K1])
            await programs.reload(reloaded, [K2, K1])
            assert load.in_flight(standin) == len(load.ids) > 1_000
            standin.script("segment", *[{"status": 500}] * 10)
            both = await programs.client([K2, K1])
            await control.resume(both, task_queue, "segment")
            await programs.send([K2, K1])
            replaced.process.terminate()
            assert await replaced.ended() == 0
        async with programs.worker() as replaced:
            statuses = await load.statuses(both)
            await until_none_is_open(temporal, task_queue)

            programs.write([K2])
            await programs.reload(reloaded, [K2])
            await programs.send([K2])
            replaced.process.terminate()
            assert await replaced.ended() == 0
            statuses |= await load.statuses(await programs.client([K2]), of_last=6)
            await until_none_is_open(temporal, task_queue)
    failed = f"TaskQueue = '{task_queue}' AND ExecutionStatus != 'Completed'"

    assert statuses == {"success"}
    assert (await temporal.count_workflows(failed)).count == 0
    assert load.accepted(standin) == load.ids
    assert await key_of_input(oldest) == "k1"
    assert await key_of_input(load.handles[-1]) == "k2"
