"""`make run`: everything at once, in a folder of its own."""

import asyncio
import json
import os
import shlex
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client

from durable_analytics.providers import provider_names
from durable_analytics.temporal.search_attributes import find_missing
from durable_analytics.testing import VENDORS, StandIn
from tests.support.free_ports import free_ports
from tests.support.local_run import CHILDREN, PORTS, local, local_ports
from tests.support.programs import TEMPORAL
from tests.worker.deliveries import outcome, start
from tests.worker.processes import clean_environment, running
from worker.local_children import Child

pytestmark = pytest.mark.slow


@pytest.fixture
def ports() -> dict[str, str]:
    """Where a run listens."""
    return local_ports()


def alive(folder: Path) -> list[str]:
    """The parts of a run that are there."""
    return [name for name in CHILDREN if Child(name, folder / ".temporal").leftover_pid()]


def real_credentials(provider: StandIn) -> dict[str, str]:
    """Segment's account elsewhere than at the stand-in of the run."""
    prefix = "ANALYTICS_INTEGRATIONS__SEGMENT__"
    return {f"{prefix}BASE_URL": provider.base_url("segment"), f"{prefix}WRITE_KEY": "a-real-key"}


@pytest.fixture
async def provider() -> AsyncIterator[StandIn]:
    """A provider with credentials of its own."""
    segment = VENDORS["segment"]
    vendor = replace(segment, credentials={**segment.credentials, "write_key": "a-real-key"})
    async with StandIn({"segment": vendor}) as there:
        yield there


async def test_a_whole_run(tmp_path: Path, ports: Mapping[str, str]) -> None:
    """It says where everything is; the command that it prints delivers; Ctrl-C ends it all."""
    async with local(tmp_path, ports) as run:
        await run.line("Ctrl-C stops all processes")
        output = "\n".join(run.lines)
        assert f"http://localhost:{ports['LOCAL_UI_PORT']}" in output
        assert f"127.0.0.1:{ports['LOCAL_TEMPORAL_PORT']}, task queue analytics" in output
        (at,) = (i for i, line in enumerate(run.lines) if "workflow execute" in line)
        program, *arguments = shlex.split(output.replace("\\\n", "").splitlines()[at])
        assert program == ".venv/bin/temporal"
        command = await asyncio.create_subprocess_exec(
            *(TEMPORAL, *arguments, "--output", "json"),
            env=clean_environment(),
            stdout=asyncio.subprocess.PIPE,
        )
        written, _ = await command.communicate()
        assert json.loads(written)["result"]["status"] == "success"
        standin = f"http://127.0.0.1:{ports['LOCAL_STANDIN_PORT']}/requests"
        async with httpx.AsyncClient(trust_env=False) as client:
            requests = (await client.get(standin)).json()
            gateway = f"http://localhost:{ports['LOCAL_GATEWAY_PORT']}"
            assert f"{gateway}/v1/track" in output
            body = '{"userId":"u-1","event":"Hi"}'
            for key in VENDORS:
                answer = await client.post(f"{gateway}/v1/track", content=body, auth=(key, ""))
                assert answer.json() == {"success": True}
            ui = await client.get(f"http://127.0.0.1:{ports['LOCAL_UI_PORT']}/")
        temporal = await Client.connect(f"127.0.0.1:{ports['LOCAL_TEMPORAL_PORT']}")
        assert await find_missing(temporal) == {}
        assert [(request["path"], request["answered"]) for request in requests] == [
            ("/v1/track", 200)
        ]
        assert ui.is_success

        async with running(
            "-m", "worker.local", environment=clean_environment(**ports), cwd=tmp_path
        ) as second:
            assert await second.ended() == 2
            assert second.lines == ["`make run` is already running in this folder"]
        assert alive(tmp_path) == list(CHILDREN)

        run.process.send_signal(signal.SIGINT)
        assert await run.ended() == 0
        assert alive(tmp_path) == []


@pytest.mark.parametrize("which", [f"LOCAL_{name}_PORT" for name in PORTS])
async def test_a_taken_port(tmp_path: Path, ports: Mapping[str, str], which: str) -> None:
    """The line names the port and the setting that moves it; nothing is started."""
    with closing(socket.create_server(("127.0.0.1", int(ports[which])))):
        async with local(tmp_path, ports) as run:
            assert await run.ended() == 2

    assert run.lines == [
        (
            f"port {ports[which]} is in use: "
            f"end the program that uses it, or choose another port with {which}=…"
        )
    ]
    assert alive(tmp_path) == []


async def test_one_port_for_two(tmp_path: Path, ports: Mapping[str, str]) -> None:
    """The line names both settings; nothing is started."""
    port = ports["LOCAL_STANDIN_PORT"]
    async with local(tmp_path, {**ports, "LOCAL_GATEWAY_PORT": port}) as run:
        assert await run.ended() == 2

    names = "LOCAL_STANDIN_PORT and LOCAL_GATEWAY_PORT"
    assert run.lines == [f"port {port} is set for {names}: set different ports"]
    assert alive(tmp_path) == []


async def test_a_port_that_is_none(tmp_path: Path, ports: Mapping[str, str]) -> None:
    """A line, no traceback."""
    async with local(tmp_path, {**ports, "LOCAL_UI_PORT": "eighty"}) as run:
        assert await run.ended() == 2
        assert run.lines == [
            "LOCAL_UI_PORT: must be a port number, 1 to 65535; set it in the environment"
        ]


async def test_a_wrong_settings_file(tmp_path: Path, ports: Mapping[str, str]) -> None:
    """Likewise, and nothing stays behind."""
    (tmp_path / "analytics.toml").write_text("write_key = secret")

    async with local(tmp_path, ports) as run:
        assert await run.ended() == 2
        assert run.lines == ["analytics.toml: cannot be read: Invalid value (at line 1, column 13)"]
    assert alive(tmp_path) == []


async def test_an_address_without_a_server(tmp_path: Path, ports: Mapping[str, str]) -> None:
    """The last lines name the address, and that no variable is needed for a server."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    async with local(tmp_path, {**ports, "TEMPORAL_ADDRESS": address}) as run:
        assert await run.ended() == 2

    assert run.lines[-2].startswith(f"no Temporal server responds at {address} (")
    hint = "without TEMPORAL_ADDRESS, `make run` starts a server of its own"
    assert run.lines[-1] == hint
    assert alive(tmp_path) == []


async def test_a_server_and_credentials_of_one_s_own(
    temporal: Client,
    provider: StandIn,
    tmp_path: Path,
    ports: Mapping[str, str],
    task_queue: str,
) -> None:
    """No other server is started; that provider is the real one, the others the stand-in."""
    address = temporal.service_client.config.target_host
    (tmp_path / "analytics.toml").write_text(
        f"""
        task_queue = "{task_queue}"
        default_integration = "journy"
        [integrations.segment]
        allow_policies_override = false
        [integrations.words]
        provider = "trophy"
        api_key = "a-real-key"
        """
    )

    async with local(
        tmp_path, {**ports, **real_credentials(provider), "TEMPORAL_ADDRESS": address}
    ) as run:
        await run.line("Ctrl-C stops all processes")
        assert alive(tmp_path) == ["standin", "worker", "gateway"]
        output = "\n".join(run.lines)
        assert f"{address}, task queue {task_queue}" in output
        assert "Real providers segment, words (from your settings, not the stand-in)" in output
        assert "curl -u rudderstack: " in output
        assert '"integration":"segment"' not in output
        assert f"its write keys: {', '.join(sorted([*provider_names(), 'words']))}" in output
        policies = {"request": {"single_attempt_timeout": "PT2S"}}
        segment = await outcome(await start(temporal, task_queue, policies=policies))
        default = await outcome(
            await start(temporal, task_queue, integration=None, policies=policies)
        )
        run.process.send_signal(signal.SIGTERM)
        assert await run.ended() == 0

    assert (segment["integration"], default["integration"]) == ("segment", "journy")
    assert [request["answered"] for request in provider.requests] == [200]
    timeouts = [
        output["policies"]["request"]["single_attempt_timeout"] for output in (segment, default)
    ]
    assert timeouts == ["PT3S", "PT2S"]


@pytest.mark.parametrize("part", ["run", "temporal", "worker", "gateway"])
async def test_a_killed_part_loses_nothing(
    tmp_path: Path, ports: Mapping[str, str], provider: StandIn, part: str
) -> None:
    """Whatever part is killed, the next run delivers what was pending, with the same ids."""
    environment = {**ports, **real_credentials(provider)}
    # Without its server, a worker needs its whole grace to end.
    environment["ANALYTICS_GRACEFUL_SHUTDOWN_TIMEOUT"] = "PT1S"
    provider.script("segment", {"status": 500}, {"status": 500}, {"delay": 60})

    async with local(tmp_path, environment) as run:
        await run.line("worker started")
        client = await Client.connect(f"127.0.0.1:{ports['LOCAL_TEMPORAL_PORT']}")
        ids = [(await start(client, "analytics")).id for _ in range(3)]
        requests = list(await provider.wait_for(3))
        if part == "run":
            run.process.kill()
            await run.ended()
            assert alive(tmp_path) == list(CHILDREN)
        else:
            pid = Child(part, tmp_path / ".temporal").leftover_pid()
            assert pid
            os.kill(pid, signal.SIGKILL)
            assert await run.ended() == 1
            assert alive(tmp_path) == []
            await run.line(
                f"{part} ended with status -9: all processes are stopped, no message is lost; "
                "run it again"
            )
        tried = {request["body"]["messageId"] for request in requests}
        assert len(tried) == 3

        async with local(tmp_path, environment) as next_run:
            await next_run.line("worker started")
            client = await Client.connect(f"127.0.0.1:{ports['LOCAL_TEMPORAL_PORT']}")
            outputs = [await outcome(client.get_workflow_handle(id_)) for id_ in ids]
            next_run.process.send_signal(signal.SIGINT)
            assert await next_run.ended() == 0

    assert {output["status"] for output in outputs} == {"success"}
    assert {output["track"]["message_id"] for output in outputs} == tried
    assert {request["body"]["messageId"] for request in provider.requests} == tried
    assert alive(tmp_path) == []
