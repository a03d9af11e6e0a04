"""Segment's SDK for Java, in the program of the examples, delivers durably through the gateway."""

import asyncio
import re
import shutil
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from durable_analytics.testing import StandIn
from tests.support.free_ports import free_port
from tests.support.gateway_process import BlockableProxy, gateway_process
from tests.support.json_objects import Json
from tests.support.programs import EXAMPLES, run_program
from tests.support.recording_proxy import Exchange, RecordingProxy, all_arrived, plain
from worker import Settings

pytestmark = pytest.mark.slow

METHODS = ["identify", "track", "group", "alias", "page", "screen"]
MAVEN = ("mvn", "-q", "-B", "compile")


@pytest.fixture(scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the program, compiled."""
    if shutil.which("mvn") is None:
        pytest.skip("Maven is not installed")
    folder = tmp_path_factory.mktemp("java") / "segment-java"
    shutil.copytree(EXAMPLES / "segment-java", folder, ignore=shutil.ignore_patterns("target"))
    maven = await asyncio.create_subprocess_exec(*MAVEN, cwd=folder, stdout=PIPE, stderr=STDOUT)
    output = (await maven.communicate())[0].decode()
    if "Could not resolve dependencies" in output or "could not be resolved" in output:
        pytest.skip("Maven cannot download the SDK and its plugins")
    assert maven.returncode == 0, output
    return folder


async def send(program: Path, gateway: str) -> list[tuple[str, str, str]]:
    """Run the program; returns the outcome, the method and the id of each message."""
    printed = await run_program(*MAVEN, "exec:java", cwd=program, GATEWAY_URL=gateway)
    return re.findall(r"(accepted|failed .*): (\w+) (\S+)$", printed, flags=re.MULTILINE)


def sent(exchange: Exchange) -> list[Json]:
    """The messages of a request, each with the context that the SDK writes beside the list."""
    shared = exchange.body["context"]
    return [
        {**message, "context": {**shared, **message.get("context", {})}}
        for message in exchange.body["batch"]
    ]


async def test_every_method_arrives_unchanged(
    program: Path, recorder: RecordingProxy, standin: StandIn
) -> None:
    """What arrives of every method is what the SDK sent, in one request."""
    outcomes = await send(program, recorder.url)

    assert [outcome[:2] for outcome in outcomes] == [("accepted", method) for method in METHODS]
    (exchange,) = recorder.exchanges
    arrived = await all_arrived(standin, exchange.ids)
    assert plain(arrived, recorder.slow()) == plain(sent(exchange), recorder.slow())
    assert [message["messageId"] for message in arrived] == [id_ for *_, id_ in outcomes]


async def test_messages_are_retried_through_the_next_gateway(
    program: Path, proxy: BlockableProxy, running_worker: Settings, standin: StandIn
) -> None:
    """What was answered 503 comes again after 15 s or more, here to a new process: once."""
    port = free_port()
    where = proxy.address, running_worker.task_queue
    proxy.disconnect()

    async with RecordingProxy(f"http://127.0.0.1:{port}") as recorder:
        async with gateway_process(*where, port=port) as gateway:
            sending = asyncio.create_task(send(program, recorder.url))
            (refused,) = await recorder.answered(lambda exchange: exchange.status == 503)
            proxy.restore()
            await all_arrived(standin, refused.ids)  # the first gateway stores it all the same
            gateway.run.process.kill()
            await gateway.run.ended()
        async with gateway_process(*where, port=port):
            outcomes = await sending

    assert [outcome[:2] for outcome in outcomes] == [("accepted", method) for method in METHODS]
    assert recorder.acknowledged() == refused.ids
    assert [len(row["body"]["batch"]) for row in standin.requests] == [len(METHODS)]
