"""The page on the buffering client says what is so, and its example runs."""

import inspect
import re
from pathlib import Path

from temporalio.client import Client

from durable_analytics import BufferingClient
from durable_analytics.testing import StandIn
from tests.support.client_programs import CLEAN_EXITS
from tests.support.delivered import wait_for_messages
from tests.worker.processes import ROOT, clean_environment, running
from worker import Settings

PAGE = ROOT / "docs" / "buffering.md"
EXAMPLE = ROOT / "examples" / "buffered.py"


async def test_the_example_of_the_page_runs(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """Everything arrives, and what is wrong is refused in its line."""
    assert running_worker.task_queue == "analytics"
    address = temporal.service_client.config.target_host

    environment = clean_environment(TEMPORAL_ADDRESS=address)

    async with running(str(EXAMPLE), environment=environment) as program:
        status = await program.ended()

    assert status in CLEAN_EXITS
    assert program.lines == [
        "enqueued 1000",
        "refused: track.event is required",
        "Temporal has all of them, in fewer than 20 executions: True",
    ]
    arrived = await wait_for_messages(standin, 1000)
    assert len({message["messageId"] for message in arrived}) == 1000


def test_the_page_shows_the_example_unchanged() -> None:
    """Line by line."""
    assert f"<!-- from examples/buffered.py -->\n```python\n{EXAMPLE.read_text()}```" in (
        PAGE.read_text()
    )


def test_the_page_lists_all_settings_with_their_defaults() -> None:
    """All of them, in their order, with their defaults."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.read_text(), flags=re.MULTILINE)
    parameters = list(inspect.signature(BufferingClient).parameters.values())

    assert [name for name, _ in rows] == [parameter.name for parameter in parameters]
    defaults = dict(rows)
    for parameter in parameters:
        default = parameter.default
        if isinstance(default, bool):
            assert defaults[parameter.name] == f"`{default}`"
        elif parameter.name in {"flush_interval", "exit_timeout"}:
            assert defaults[parameter.name] == f"{default} s"
        elif isinstance(default, int):
            assert defaults[parameter.name] == f"{default:,}"
        elif isinstance(default, str):
            assert defaults[parameter.name] == f'`"{default}"`'


def test_the_links_of_the_page_lead_to_files() -> None:
    """To files beside the page."""
    targets = re.findall(r"\]\(([^)]+)\)", PAGE.read_text())
    assert targets
    for target in targets:
        assert Path(PAGE.parent / target).exists(), target
