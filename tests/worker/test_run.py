"""`python -m worker`: how it starts, and how it ends."""

import asyncio
import gc
import json
import signal
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from durable_analytics.testing import StandIn
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_process, own_worker, start
from tests.worker.processes import clean_environment, running, worker_environment, worker_process
from worker.run import until

PATIENT = {"request": {"single_attempt_timeout": "PT1M"}}
"""Temporal itself would take a minute to see that an attempt is lost."""

ACTIVITY_COMPLETED = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED


async def events(handle: WorkflowHandle[object, object]) -> list[int]:
    """The types of the events in an execution's history."""
    return [event.event_type async for event in handle.fetch_history_events()]


@pytest.mark.parametrize(
    "signum", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
async def test_a_signal_lets_a_request_in_flight_finish(
    temporal: Client, standin: StandIn, task_queue: str, signum: signal.Signals
) -> None:
    """What comes later waits for the next worker; nothing is sent twice; the status is 0."""
    standin.script("segment", {"delay": 1.5})

    async with worker_process(temporal, standin, task_queue) as worker:
        in_flight = await start(temporal, task_queue)
        await standin.wait_for(1)
        worker.process.send_signal(signum)
        await worker.line("worker stopping")
        later = await start(temporal, task_queue)
        status = await worker.ended()

    assert status == 0
    assert "worker stopped" in worker.lines[-1]
    assert ACTIVITY_COMPLETED in await events(in_flight)
    assert [request["answered"] for request in standin.requests] == [200]
    async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
        outputs = [await outcome(in_flight), await outcome(later)]
    assert [output["status"] for output in outputs] == ["success", "success"]
    assert [request["body"]["messageId"] for request in standin.requests] == [
        output["track"]["message_id"] for output in outputs
    ]


@pytest.mark.slow
async def test_a_request_that_hangs_beyond_the_grace(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The process ends without it, and the next worker delivers the message, with the same id."""
    standin.script("segment", {"delay": 60})
    grace = {"ANALYTICS_GRACEFUL_SHUTDOWN_TIMEOUT": "PT1S"}

    async with worker_process(temporal, standin, task_queue, **grace) as worker:
        handle = await start(temporal, task_queue, policies=PATIENT)
        await standin.wait_for(1)
        worker.process.send_signal(signal.SIGTERM)
        status = await worker.ended(seconds=20)

    assert status == 0
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        output = await outcome(handle)
    assert output["status"] == "success"
    first, second = (request["body"]["messageId"] for request in standin.requests)
    assert first == second == output["track"]["message_id"]


async def test_wrong_settings_end_with_status_2(tmp_path: Path) -> None:
    """Status 2, a line a problem, and no traceback."""
    environment = clean_environment(
        ANALYTICS_INTEGRATIONS__SEGMENT__PROXY="nowhere",
        ANALYTICS_LOG_LEVEL="LOUD",
    )

    async with running("-m", "worker", environment=environment, cwd=tmp_path) as worker:
        status = await worker.ended()

    assert status == 2
    assert worker.lines == [
        (
            "log_level: must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'; "
            "set it in analytics.toml or as ANALYTICS_LOG_LEVEL"
        ),
        (
            "integrations.segment.write_key: is required; "
            "set it in analytics.toml or as ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY"
        ),
        (
            'integrations.segment.proxy: must be a URL, like "http://proxy.internal:3128"; '
            "set it in analytics.toml or as ANALYTICS_INTEGRATIONS__SEGMENT__PROXY"
        ),
    ]


@pytest.mark.slow
async def test_several_processes_are_not_started(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The setting of an earlier release has no effect, and a warning says what to do instead."""
    processes = {"ANALYTICS_WORKER__PROCESSES": "2"}

    async with worker_process(temporal, standin, task_queue, **processes) as worker:
        output = await outcome(await start(temporal, task_queue))
        lines = [json.loads(line) for line in worker.lines]

    assert output["status"] == "success"
    (warning,) = [line for line in lines if line["level"] == "warning"]
    assert warning["event"] == "worker.processes has no effect"
    assert "run more containers" in warning["reason"]
    assert [line["event"] for line in lines].count("worker started") == 1


async def test_a_missing_server_ends_with_status_1(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """After its patience the worker says which address it tried, and ends with status 1."""
    environment = worker_environment(temporal, standin, task_queue)
    environment |= {"TEMPORAL_ADDRESS": "127.0.0.1:1", "ANALYTICS_LOG_FORMAT": "console"}
    program = (
        "import sys; from datetime import timedelta; from worker.__main__ import main; "
        "sys.exit(main(timedelta(seconds=0.5)))"
    )

    async with running("-c", program, environment=environment) as worker:
        status = await worker.ended()

    assert status == 1
    connecting, failed = worker.lines
    assert "connecting to Temporal" in connecting
    reason = "no Temporal server responds at 127.0.0.1:1 (connection refused): start one, or set"
    assert reason in failed


@pytest.mark.slow
async def test_a_thread_lets_the_event_loop_run_soon(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """A large input is checked in a thread; other messages do not wait 5 ms at each event."""
    environment = worker_environment(temporal, standin, task_queue)
    environment |= {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
    program = (
        "import sys; from datetime import timedelta; from worker.__main__ import main; "
        "main(timedelta()); print('waits', sys.getswitchinterval())"
    )

    async with running("-c", program, environment=environment) as worker:
        line = await worker.line("waits")

    assert float(line.split()[1]) <= 0.0005


@pytest.mark.slow
async def test_an_unknown_namespace(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """One line that names the setting, no traceback, and status 2; no line says that it started."""
    environment = worker_environment(temporal, standin, task_queue)
    environment["TEMPORAL_NAMESPACE"] = "nowhere"

    async with running("-m", "worker", environment=environment) as worker:
        status = await worker.ended()

    assert status == 2
    assert "worker failed: TEMPORAL_NAMESPACE: the server at " in worker.lines[-1]
    assert [line for line in worker.lines if "Traceback" in line or "started" in line] == []


async def test_a_signal_while_there_is_no_server_yet(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """A worker that still waits for Temporal ends at once, too."""
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        environment = worker_environment(temporal, standin, task_queue)
        port = server.sockets[0].getsockname()[1]
        environment["TEMPORAL_ADDRESS"] = f"127.0.0.1:{port}"
        async with running("-m", "worker", environment=environment) as worker:
            async with asyncio.timeout(30):
                await asked.wait()
            worker.process.send_signal(signal.SIGTERM)
            status = await worker.ended()

    assert status == 0
    assert ["connecting to Temporal" in line for line in worker.lines] == [True]


async def test_a_start_that_fails_because_it_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    """One line with the reason; no traceback of a task that nobody has waited for."""
    stop = asyncio.Event()

    async def start() -> None:
        stop.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise RuntimeError("no such namespace") from None

    await until(stop, start())
    gc.collect()

    (record,) = caplog.records
    assert record.getMessage() == "failed while stopping"
    assert record.__dict__["reason"] == "no such namespace"
