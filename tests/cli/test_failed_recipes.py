"""The commands of docs/operating.md, run as they stand there."""

import asyncio
import json
import re
import shlex
from pathlib import Path

import pytest
from temporalio.client import Client
from typer.testing import CliRunner

from durable_analytics.cli.failed import failed_app
from durable_analytics.testing import StandIn
from tests.support.batches import BAD, numbered
from tests.support.failed_deliveries import accepted_ids, closed, fail_track, run

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[2] / "docs/operating.md"
COMMANDS = re.findall(r"^durable-analytics failed (.+)$", DOCUMENT.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
async def test_each_command_of_the_document_runs(
    temporal: Client, queue: str, standin: StandIn, command: str
) -> None:
    """One message and one of a batch have failed; only a redrive without `--dry-run` sends."""
    await fail_track(temporal, standin, queue, id="order-4711")
    await run(temporal, queue, "Batch", {"messages": [*numbered(1), BAD]})
    await closed(temporal, queue, 2)
    environment = {
        "TEMPORAL_ADDRESS": temporal.service_client.config.target_host,
        "ANALYTICS_TASK_QUEUE": queue,
    }

    shown = await asyncio.to_thread(
        CliRunner().invoke, failed_app, shlex.split(command), env=environment
    )

    # What has no event is refused again.
    resends_all = "redrive" in command and "--integration" in command
    assert shown.exit_code == (1 if resends_all else 0), shown.output
    if "--json" in command:
        json.loads(shown.stdout)
    sent = "--yes" in command and "Internal" not in command  # what failed is `Unauthorized`
    integration = "rudderstack" if "--to" in command else "segment"
    others = 0 if "--to" in command else 1
    assert len(accepted_ids(standin, integration)) == others + sent


def test_every_command_is_in_the_document() -> None:
    assert {command.split()[0] for command in COMMANDS} == {"list", "show", "redrive"}
