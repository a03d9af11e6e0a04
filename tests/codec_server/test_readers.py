"""What the `temporal` command line and the Temporal UI show of an encrypted execution."""

import base64
import os
import re
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.testing import StandIn
from tests.support.chromium import page
from tests.support.codec_server_process import TOKEN, codec_server
from tests.support.free_ports import free_ports
from tests.support.json_objects import Json
from tests.support.programs import TEMPORAL, run_program
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import data_converter

pytestmark = pytest.mark.slow

EMAIL = "jane.planted@example.org"
REASON = "is not configured"


@pytest.fixture(scope="module")
def chromium() -> str:
    """The path of Chromium."""
    if program := shutil.which("chromium"):
        return program
    reason = "there is no Chromium: apt-get install -y chromium"
    if "CI_REQUIRES_BROWSER" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


class Shown:
    """An encrypted execution, and where it can be read."""

    def __init__(
        self, address: str, ui: str, codec: str, stored: str, delivered: str, failed: str
    ) -> None:
        self.address = address
        self.ui = ui
        self.codec = codec
        self.stored = stored
        self.delivered = delivered
        self.failed = failed


@pytest.fixture(scope="module")
async def shown(standin_server: StandIn) -> AsyncIterator[Shown]:
    """A server with a UI that asks a codec server, with a delivery and a failure."""
    key, queue = new_key("k1"), f"codec-{uuid.uuid4()}"
    port, ui_port = free_ports(2)
    ui = f"http://127.0.0.1:{ui_port}"
    origin = {"ANALYTICS_CODEC_SERVER__CORS_ORIGINS": ui}
    async with (
        codec_server(key, port=port, **origin) as codec,
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=TEMPORAL,
            dev_server_log_level="error",
            ui=True,
            ui_port=ui_port,
            dev_server_extra_args=["--ui-codec-endpoint", codec],
        ) as environment,
    ):
        address = environment.client.service_client.config.target_host
        converter = data_converter(compress=False, encryption_keys=[key])
        client = await Client.connect(address, data_converter=converter)
        async with own_worker(client, settings_for(standin_server, task_queue=queue)):
            ids = []
            for integration in ("segment", "nowhere"):
                data: Json = {
                    "integration": integration,
                    "identify": {"user_id": "u-1", "traits": {"email": EMAIL}},
                }
                handle = await client.start_workflow(
                    "Identify", data, id=f"{integration}-{uuid.uuid4()}", task_queue=queue
                )
                await outcome(handle)
                ids.append(handle.id)
        history = await client.get_workflow_handle(ids[0]).fetch_history()
        started = history.events[0].workflow_execution_started_event_attributes
        stored = base64.b64encode(started.input.payloads[0].data).decode()
        yield Shown(address, ui, codec, stored, *ids)


async def show(shown: Shown, workflow_id: str, *options: str) -> str:
    """What the command line shows of an execution: the history, with its payloads as text."""
    history = await run_program(
        *(TEMPORAL, "workflow", "show", "--workflow-id", workflow_id, "--output", "json"),
        *("--address", shown.address, "--command-timeout", "10s", *options),
    )
    return re.sub(r'"data": "([^"]*)"', _decoded, history)


def _decoded(found: re.Match[str]) -> str:
    return base64.b64decode(found[1]).decode(errors="replace")


async def test_command_line_shows_clear_text_with_the_token(shown: Shown) -> None:
    """Inputs, and the messages of failures."""
    codec = ("--codec-endpoint", shown.codec, "--codec-auth", f"Bearer {TOKEN}")

    assert EMAIL in await show(shown, shown.delivered, *codec)
    assert REASON in await show(shown, shown.failed, *codec)


async def test_command_line_shows_nothing_without(shown: Shown) -> None:
    """Nor with another token."""
    assert EMAIL not in await show(shown, shown.delivered)
    assert REASON not in await show(shown, shown.failed)
    with pytest.raises(AssertionError, match="Error"):
        await show(
            shown, shown.delivered, "--codec-endpoint", shown.codec, "--codec-auth", "Bearer wrong"
        )


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_ui_shows_clear_text_to_who_is_allowed(
    shown: Shown, chromium: str, tmp_path: Path, is_allowed: bool
) -> None:
    """The header stands for the token that the UI passes on for whoever has logged in."""
    url = f"{shown.ui}/namespaces/default/workflows/{shown.delivered}"
    headers = {"Authorization": f"Bearer {TOKEN}"} if is_allowed else {}

    async with page(chromium, tmp_path) as opened:
        await opened.open(url, headers)
        text = await opened.until_shown(EMAIL if is_allowed else shown.stored)
        if folder := os.environ.get("SCREENSHOTS"):
            await opened.save_screenshot(Path(folder) / f"codec-{is_allowed}.png")

    assert (EMAIL in text) == is_allowed
