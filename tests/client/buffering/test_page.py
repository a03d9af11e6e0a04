"""The page on the buffering client says what is so, and its example runs."""

import inspect
import re
import sys
from pathlib import Path

from temporalio.client import Client

from durable_analytics import BufferingClient
from durable_analytics.testing import StandIn
from tests.client.buffering.delivered import wait_for_messages
from tests.examples.conftest import EXAMPLES, run_program
from worker import Settings

PAGE = EXAMPLES.parent / "docs" / "buffering.md"
EXAMPLE = EXAMPLES / "buffered.py"


async def test_the_example(temporal: Client, running_worker: Settings, standin: StandIn) -> None:
    """Everything arrives, and what is wrong is refused in its line."""
    assert running_worker.task_queue == "analytics"
    address = temporal.service_client.config.target_host

    printed = await run_program(sys.executable, EXAMPLE, TEMPORAL_ADDRESS=address)

    assert printed.splitlines() == [
        "enqueued 1000",
        "refused: track.event is required",
        "Temporal has all of them, in fewer than 20 executions: True",
    ]
    arrived = await wait_for_messages(standin, 1000)
    assert len({message["messageId"] for message in arrived}) == 1000


def test_the_page_shows_the_example() -> None:
    """Line by line."""
    assert f"<!-- from examples/buffered.py -->\n```python\n{EXAMPLE.read_text()}```" in (
        PAGE.read_text()
    )


def test_the_page_lists_the_settings() -> None:
    """All of them, in their order, with their defaults."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.read_text(), flags=re.MULTILINE)
    parameters = list(inspect.signature(BufferingClient).parameters.values())

    assert [name for name, _ in rows] == [parameter.name for parameter in parameters]
    told = dict(rows)
    for parameter in parameters:
        default = parameter.default
        if isinstance(default, bool):
            assert told[parameter.name] == f"`{default}`"
        elif isinstance(default, int):
            assert told[parameter.name] == f"{default:,}"
        elif isinstance(default, str):
            assert told[parameter.name] == f'`"{default}"`'
        elif hasattr(default, "total_seconds"):
            assert told[parameter.name] == f"{default.total_seconds():g} s"


def test_links_lead_somewhere() -> None:
    """To files beside the page."""
    targets = re.findall(r"\]\(([^)]+)\)", PAGE.read_text())
    assert targets
    for target in targets:
        assert Path(PAGE.parent / target).exists(), target
