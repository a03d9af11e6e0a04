"""`worker.processes`: several workers behind one command, whatever happens to which of them."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from socket import gethostname

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.conftest import Json, settings_for
from tests.worker.deliveries import outcome, own_worker, start
from tests.worker.processes import Running, running, worker_environment
from tests.worker.test_local import free_ports, local
from worker.children import Child
from worker.health import last_poll
from worker.processes import next_pause

TWO = {"ANALYTICS_WORKER__PROCESSES": "2"}

PATIENT = {"request": {"single_attempt_timeout": "PT1M"}}
"""Temporal itself would take a minute to see that an attempt is lost."""

SOON_LOST = {"request": {"single_attempt_timeout": "PT2S"}}
"""Temporal sees after two seconds that an attempt's worker is gone."""

_POLL_SECONDS = 0.05


def told(workers: Running, event: str) -> list[Json]:
    """The log lines so far of this event."""
    lines = [json.loads(line) for line in workers.lines if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


async def started(workers: Running, count: int) -> list[int]:
    """Wait until so many worker processes have started; returns their ids."""
    async with asyncio.timeout(60):
        while len(lines := told(workers, "worker started")) < count:  # noqa: ASYNC110  # no event
            await asyncio.sleep(_POLL_SECONDS)
    return [line["pid"] for line in lines]


def alive(pids: Iterable[int]) -> list[int]:
    """Those processes that are there."""
    there = []
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            there.append(pid)
    return there


async def gone(pids: Iterable[int]) -> None:
    """Wait until none of the processes is there."""
    async with asyncio.timeout(60):
        while alive(pids):  # noqa: ASYNC110  # nobody's children: no event
            await asyncio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def two_workers(
    client: Client, standin: StandIn, task_queue: str, **more: str
) -> AsyncIterator[tuple[Running, list[int]]]:
    """`python -m worker` with two processes that poll, and their ids."""
    environment = worker_environment(client, standin, task_queue, **TWO, **more)
    async with running("-m", "worker", environment=environment) as workers:
        yield workers, await started(workers, 2)


async def test_each_process_works(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """A limit of a process counts in each: two requests are in flight where one has room for one.

    The health check sees them as it sees a single one.
    """
    standin.script("segment", {"delay": 60}, {"delay": 60})
    limit = {"ANALYTICS_MAX_CONCURRENT_ACTIVITIES": "1"}

    async with two_workers(temporal, standin, task_queue, **limit) as (workers, pids):
        assert len({workers.process.pid, *pids}) == 3
        for _ in range(2):
            await start(temporal, task_queue, policies=PATIENT)
        await standin.wait_for(2)
        assert await last_poll(temporal, task_queue, gethostname())


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_requests_in_flight_finish(
    temporal: Client, standin: StandIn, task_queue: str, signum: signal.Signals
) -> None:
    """It ends with status 0, after all its processes; no later worker sends anything again."""
    standin.script("segment", *[{"delay": 1.5}] * 4)

    async with two_workers(temporal, standin, task_queue) as (workers, pids):
        handles = [await start(temporal, task_queue, policies=PATIENT) for _ in range(4)]
        await standin.wait_for(4)
        workers.process.send_signal(signum)
        status = await workers.ended()
        assert alive(pids) == []

    assert status == 0
    assert {line["pid"] for line in told(workers, "worker stopped")} == set(pids)
    async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
        assert [(await outcome(handle))["status"] for handle in handles] == ["success"] * 4
    assert [request["answered"] for request in standin.requests] == [200] * 4


async def test_a_signal_before_any_process_polls(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """None of them is started again, and the status is 0."""
    asked: asyncio.Queue[None] = asyncio.Queue()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.put_nowait(None)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        environment = worker_environment(temporal, standin, task_queue, **TWO)
        port = server.sockets[0].getsockname()[1]
        environment["TEMPORAL_ADDRESS"] = f"127.0.0.1:{port}"
        async with running("-m", "worker", environment=environment) as workers:
            async with asyncio.timeout(60):
                await asked.get()
            workers.process.send_signal(signal.SIGTERM)
            status = await workers.ended()

    assert status == 0
    assert told(workers, "worker ended by itself") == []


async def test_a_killed_process_is_replaced(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """What it had in flight is delivered by another one, with the same id."""
    standin.script("segment", {"delay": 60})

    async with two_workers(temporal, standin, task_queue) as (workers, pids):
        handle = await start(temporal, task_queue, policies=SOON_LOST)
        await standin.wait_for(1)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        everyone = await started(workers, 4)
        assert len(set(everyone)) == 4
        output = await outcome(handle)
        workers.process.send_signal(signal.SIGTERM)
        assert await workers.ended() == 0

    ends = told(workers, "worker ended by itself")
    assert {(line["child"], line["status"]) for line in ends} == {(pid, -9) for pid in pids}
    assert [line["next_in_seconds"] for line in ends] == [1.0, 1.0]
    assert output["status"] == "success"
    assert {request["body"]["messageId"] for request in standin.requests} == {
        output["track"]["message_id"]
    }


async def test_a_process_that_was_told_to_end_is_replaced(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """One by one they can be renewed; the pause grows while they do not live long."""
    async with two_workers(temporal, standin, task_queue) as (workers, pids):
        os.kill(pids[0], signal.SIGTERM)
        *_, renewed = await started(workers, 3)
        os.kill(renewed, signal.SIGTERM)
        await started(workers, 4)
        workers.process.send_signal(signal.SIGTERM)
        assert await workers.ended() == 0

    ends = told(workers, "worker ended by itself")
    assert [(line["child"], line["status"]) for line in ends] == [(pids[0], 0), (renewed, 0)]
    assert [line["next_in_seconds"] for line in ends] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("last", "lived", "pause"),
    [(0, 0.5, 1), (1, 0.5, 2), (2, 60, 4), (32, 0.5, 60), (60, 0.5, 60), (60, 61, 1)],
)
def test_the_pause_before_the_next_process(last: float, lived: float, pause: float) -> None:
    """It doubles up to a minute, and is short again after one that lived longer than that."""
    assert next_pause(last, lived) == pause


async def test_no_process_outlives_a_killed_parent(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """They finish what is in flight, and end."""
    standin.script("segment", {"delay": 1.5})

    async with two_workers(temporal, standin, task_queue) as (workers, pids):
        handle = await start(temporal, task_queue, policies=PATIENT)
        await standin.wait_for(1)
        workers.process.kill()
        await gone(pids)
        assert {line["pid"] for line in told(workers, "worker stopped")} == set(pids)

    async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
        assert (await outcome(handle))["status"] == "success"
    assert [request["answered"] for request in standin.requests] == [200]


async def test_a_process_that_does_not_end(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """It is killed after the grace, which makes a failure; what it had comes with the next one."""
    grace = {"ANALYTICS_GRACEFUL_SHUTDOWN_TIMEOUT": "PT0.1S"}

    async with two_workers(temporal, standin, task_queue, **grace) as (workers, pids):
        os.kill(pids[0], signal.SIGSTOP)
        workers.process.send_signal(signal.SIGTERM)
        status = await workers.ended()
        assert alive(pids) == []

    assert status == 1
    assert [line["child"] for line in told(workers, "worker killed")] == [pids[0]]
    handle = await start(temporal, task_queue)
    async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
        assert (await outcome(handle))["status"] == "success"


async def test_a_first_start_that_fails(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """It all ends as one process does, with its status and its line; nothing is tried again."""
    environment = worker_environment(temporal, standin, task_queue, **TWO)
    environment["TEMPORAL_NAMESPACE"] = "nowhere"

    async with running("-m", "worker", environment=environment) as workers:
        status = await workers.ended()

    assert status == 1
    assert [line for line in workers.lines if "worker failed" in line and "nowhere" in line]
    assert told(workers, "worker started") == []
    assert told(workers, "worker ended by itself") == []


async def test_one_process_has_no_parent(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The default: the process that was started is the worker, whatever its standard input is."""
    environment = worker_environment(temporal, standin, task_queue)

    async with running("-m", "worker", environment=environment) as worker:
        await worker.line("worker started")
        polled = await outcome(await start(temporal, task_queue))
        worker.process.send_signal(signal.SIGTERM)
        assert await worker.ended() == 0

    assert polled["status"] == "success"
    assert told(worker, "starting workers") == []
    assert [line.get("pid") for line in told(worker, "worker started")] == [None]


@pytest.mark.parametrize("part", ["none", "worker", "run"])
async def test_make_run(tmp_path: Path, part: str) -> None:
    """Ctrl-C ends them all; after a kill of either part they end by themselves, or at the next."""
    names = ("LOCAL_TEMPORAL_PORT", "LOCAL_UI_PORT", "LOCAL_STANDIN_PORT")
    environment = {**dict(zip(names, map(str, free_ports(3)), strict=True)), **TWO}
    environment["ANALYTICS_GRACEFUL_SHUTDOWN_TIMEOUT"] = "PT1S"

    async with local(tmp_path, environment) as run:
        await run.line("Ctrl-C stops it all")
        pids = await started(run, 2)
        (parent,) = {line["pid"] for line in told(run, "starting workers")}
        if part == "none":
            run.process.send_signal(signal.SIGINT)
            assert await run.ended() == 0
            assert alive([parent, *pids]) == []
        elif part == "worker":
            os.kill(parent, signal.SIGKILL)
            assert await run.ended() == 1
            assert Child("worker", tmp_path / ".temporal").left_over() is None
            await gone(pids)
        else:
            run.process.kill()
            await run.ended()
            assert alive(pids) == pids
            async with local(tmp_path, environment) as next_run:
                await next_run.line("Ctrl-C stops it all")
                assert alive([parent, *pids]) == []
                next_run.process.send_signal(signal.SIGINT)
                assert await next_run.ended() == 0
