"""Runs the commands of the pages that start a process or send it a signal."""

import asyncio
import os
import re
import shlex
import shutil
import signal

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.documentation.pages import blocks, commands, page
from tests.support.clients_with_keys import client_with_keys
from tests.support.free_ports import free_port
from tests.support.programs import run_program
from tests.support.shell import running_command
from tests.support.trace_collector import collector
from tests.support.tracks import TRACK
from tests.worker.processes import clean_environment, worker_environment, worker_process

pytestmark = pytest.mark.slow


def find_command(name: str, part: str) -> str:
    """Return the command on a page that contains a text."""
    (found,) = (line for line in commands(page(name)) if part in line)
    return found


@pytest.fixture
def address(temporal: Client) -> str:
    """The address of Temporal."""
    return temporal.service_client.config.target_host


async def deliver(temporal: Client, task_queue: str) -> str:
    """Deliver a message; return its workflow id."""
    handle = await temporal.start_workflow(
        "Track", TRACK, id=f"segment:track:{task_queue}", task_queue=task_queue
    )
    assert (await handle.result())["status"] == "success"
    return handle.id


async def test_worker_sends_spans_to_the_collector(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The command of observability.md starts the worker."""
    line = find_command("observability", "OTEL_")
    environment = worker_environment(temporal, standin, task_queue, OTEL_BSP_SCHEDULE_DELAY="100")
    async with collector() as collected:
        line = line.replace("http://localhost:4318", collected.url)
        async with running_command(line, environment, "worker started"):
            await deliver(temporal, task_queue)
            assert await collected.until("POST")


@pytest.mark.skipif(shutil.which("pgrep") is None, reason="pgrep is not installed")
async def test_signal_reloads_the_settings_of_a_worker(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The pattern in operating.md finds the worker, and the signal makes it reload its settings.

    The signal goes to this worker alone: `pkill` would send it to all workers of the machine.
    """
    program, name, *pattern = shlex.split(find_command("operating", "pkill"))
    assert (program, name) == ("pkill", "-HUP")
    async with worker_process(temporal, standin, task_queue) as worker:
        found = await run_program("pgrep", *pattern)
        assert str(worker.process.pid) in found.split()
        os.kill(worker.process.pid, signal.Signals[f"SIG{name.removeprefix('-')}"])
        await worker.line("settings reloaded")


async def test_worker_of_the_current_version_delivers(
    temporal: Client, standin: StandIn, task_queue: str, address: str
) -> None:
    """The commands of operating.md start the worker, and make its version the current one.

    The second command is repeated until it succeeds, because Temporal must know the worker first.
    """
    (start, make_current), *_ = (
        block.splitlines() for block in blocks(page("operating"), "shell") if "deployment" in block
    )
    environment = worker_environment(temporal, standin, task_queue)
    async with running_command(start, environment, "worker started"):
        retried = f"until {make_current}; do sleep 0.2; done"
        async with asyncio.timeout(60):
            await run_program("bash", "-ec", retried, TEMPORAL_ADDRESS=address)
        await deliver(temporal, task_queue)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
async def test_codec_server_decrypts_with_the_new_key(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The commands of security.md print a key and a token, and start and ask the codec server."""
    new, _test, new_token, start, show = commands(page("security"))
    key = (await run_program("bash", "-ec", new)).strip()
    token = (await run_program("bash", "-ec", new_token)).strip()
    assert re.fullmatch(r"k1:\S{44}", key)
    assert re.fullmatch(r"[0-9a-f]{64}", token)
    port = free_port()

    def filled_in(line: str) -> str:
        line = line.replace("k1:…", key).replace("5f2b…", token).replace(":8081", f":{port}")
        return line.replace("segment:track:0199…", workflow_id)

    encrypted = {"ANALYTICS_ENCRYPTION_KEYS": key}
    async with worker_process(temporal, standin, task_queue, **encrypted):
        workflow_id = await deliver(await client_with_keys(temporal, key), task_queue)
    environment = clean_environment(ANALYTICS_CODEC_SERVER__PORT=str(port))
    target = temporal.service_client.config.target_host
    async with running_command(filled_in(start), environment, "codec server started"):
        shown = await run_program("bash", "-ec", filled_in(show), TEMPORAL_ADDRESS=target)

    assert '"status":"success"' in shown.replace(" ", "")
