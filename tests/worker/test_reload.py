"""SIGHUP: the worker reads its settings again, and replaces its workers; no message is lost."""

import json
import signal
from pathlib import Path

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.worker.deliveries import outcome, start
from tests.worker.pauses import requests_waiting, until_ended, until_held
from tests.worker.processes import clean_environment, running

pytestmark = pytest.mark.slow


def write_settings(
    path: Path, standin: StandIn, task_queue: str, *integrations: str, **more: str | int
) -> None:
    """Write a settings file with these integrations, at the stand-in, with more settings each."""
    lines = [f'task_queue = "{task_queue}"', 'graceful_shutdown_timeout = "PT5S"']
    for name in integrations:
        lines.append(f"[integrations.{name}]")
        values = standin.vendors[name].integration_settings(standin.base_url(name))
        lines += [f"{key} = {json.dumps(value)}" for key, value in {**values, **more}.items()]
    path.write_text("\n".join(lines))


def environment(client: Client, path: Path) -> dict[str, str]:
    """What `python -m worker` needs, with its settings in a file."""
    return clean_environment(
        TEMPORAL_ADDRESS=client.service_client.config.target_host, ANALYTICS_CONFIG=str(path)
    )


async def test_an_integration_that_was_added_is_delivered_to(
    temporal: Client, standin: StandIn, task_queue: str, tmp_path: Path
) -> None:
    """What was in flight finishes, and nothing is sent twice."""
    path = tmp_path / "analytics.toml"
    write_settings(path, standin, task_queue, "segment")
    standin.script("segment", {"delay": 2.0})

    async with running("-m", "worker", environment=environment(temporal, path)) as worker:
        await worker.line("worker started")
        refused = await outcome(await start(temporal, task_queue, integration="trakio"))
        in_flight = await start(temporal, task_queue)
        await standin.wait_for(1)
        write_settings(path, standin, task_queue, "segment", "trakio")
        worker.process.send_signal(signal.SIGHUP)
        line = await worker.line("settings reloaded")
        handles = [await start(temporal, task_queue, integration="trakio") for _ in range(5)]
        outputs = [await outcome(handle) for handle in [in_flight, *handles]]
        worker.process.send_signal(signal.SIGTERM)
        status = await worker.ended()

    assert refused["error"]["type"] == "UnknownIntegration"
    assert json.loads(line)["integrations"] == ["segment", "trakio"]
    assert [output["status"] for output in outputs] == ["success"] * 6
    assert {len(output["attempts"]) for output in outputs} == {1}
    assert len(standin.requests) == 6
    assert status == 0


async def test_messages_that_arrive_during_reloads_are_all_delivered(
    temporal: Client, standin: StandIn, task_queue: str, tmp_path: Path
) -> None:
    """Once each."""
    path = tmp_path / "analytics.toml"
    write_settings(path, standin, task_queue, "segment")

    async with running("-m", "worker", environment=environment(temporal, path)) as worker:
        await worker.line("worker started")
        handles = []
        for _ in range(3):
            handles += [await start(temporal, task_queue) for _ in range(10)]
            worker.process.send_signal(signal.SIGHUP)
            handles += [await start(temporal, task_queue) for _ in range(10)]
        outputs = [await outcome(handle) for handle in handles]
        worker.process.send_signal(signal.SIGTERM)
        status = await worker.ended()

    assert status == 0
    assert [output["status"] for output in outputs] == ["success"] * 60
    assert len(standin.requests) == 60


async def test_a_wrong_file_keeps_the_settings(
    temporal: Client, standin: StandIn, task_queue: str, tmp_path: Path
) -> None:
    """One line says what is wrong; the worker goes on, and takes the file that is right again."""
    path = tmp_path / "analytics.toml"
    write_settings(path, standin, task_queue, "segment")

    async with running("-m", "worker", environment=environment(temporal, path)) as worker:
        await worker.line("worker started")
        path.write_text('task_queue = ""\n[integrations.segment]\nproxy = "nowhere"\n')
        worker.process.send_signal(signal.SIGHUP)
        line: Json = json.loads(await worker.line("settings not reloaded"))
        output = await outcome(await start(temporal, task_queue))
        write_settings(path, standin, task_queue, "segment", "trakio")
        worker.process.send_signal(signal.SIGHUP)
        await worker.line("settings reloaded")
        later = await outcome(await start(temporal, task_queue, integration="trakio"))

    assert line["level"] == "error"
    assert "task_queue: " in line["reason"]
    assert "integrations.segment.proxy: " in line["reason"]
    assert [output["status"], later["status"]] == ["success", "success"]


async def test_other_credentials_end_the_pause_of_refused_ones(
    temporal: Client, standin: StandIn, task_queue: str, tmp_path: Path
) -> None:
    """As those of a worker that starts do."""
    path = tmp_path / "analytics.toml"
    wrong: dict[str, str | int] = {"write_key": "a-wrong-key", "pause_after_unauthorized": 3}
    write_settings(path, standin, task_queue, "segment", **wrong)

    async with running("-m", "worker", environment=environment(temporal, path)) as worker:
        await worker.line("worker started")
        refused = [await outcome(await start(temporal, task_queue)) for _ in range(3)]
        await until_held(temporal, task_queue)
        handle = await start(temporal, task_queue)
        await requests_waiting([handle])
        write_settings(path, standin, task_queue, "segment")
        worker.process.send_signal(signal.SIGHUP)
        await worker.line("settings reloaded")
        output = await outcome(handle)
        await until_ended(temporal, task_queue)

    assert [one["error"]["type"] for one in refused] == ["Unauthorized"] * 3
    assert output["status"] == "success"


async def test_a_namespace_that_does_not_exist_keeps_the_connection(
    temporal: Client, standin: StandIn, task_queue: str, tmp_path: Path
) -> None:
    """The line names the setting and says what to do, and has no text of Temporal's SDK."""
    path, profiles = tmp_path / "analytics.toml", tmp_path / "temporal.toml"
    write_settings(path, standin, task_queue, "segment")
    address = temporal.service_client.config.target_host
    profiles.write_text(f'[profile.default]\naddress = "{address}"\n')
    variables = clean_environment(TEMPORAL_CONFIG_FILE=str(profiles), ANALYTICS_CONFIG=str(path))

    async with running("-m", "worker", environment=variables) as worker:
        await worker.line("worker started")
        profiles.write_text(f'[profile.default]\naddress = "{address}"\nnamespace = "nowhere"\n')
        worker.process.send_signal(signal.SIGHUP)
        line: Json = json.loads(await worker.line("settings not reloaded"))
        output = await outcome(await start(temporal, task_queue))

    assert line["reason"] == (
        f"TEMPORAL_NAMESPACE (namespace in a profile): the server at {address} has no such "
        "namespace: create it, or set another one"
    )
    assert output["status"] == "success"
