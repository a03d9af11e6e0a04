"""Runs the commands and the Python code of the README and of the first pages, unchanged."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from tests.documentation.pages import README, blocks, commands, page
from tests.support.clone import Clone
from tests.support.json_objects import Json

pytestmark = pytest.mark.slow

Received = Callable[[], Awaitable[list[Json]]]
"""Returns the requests that the stand-in has received since the test began."""


@pytest.fixture(scope="module")
async def clone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clone]:
    """A clone in which `make run` runs; its settings are those of getting-started.md."""
    clone = Clone.make(tmp_path_factory.mktemp("clone"))
    (example,) = blocks(page("getting-started"), "toml")
    address = f'base_url = "{clone.standin_url}/segment"\n'
    settings = example.replace("…", "segment-write-key") + address
    (clone.folder / "analytics.toml").write_text(settings)
    async with clone.make_run():
        yield clone


@pytest.fixture
async def received(clone: Clone) -> AsyncIterator[Received]:
    """Delete the requests of earlier tests from the stand-in."""
    url = f"{clone.standin_url}/requests"
    async with httpx.AsyncClient() as client:
        await client.delete(url)

        async def requests() -> list[Json]:
            return list((await client.get(url)).json())

        yield requests


async def run_commands(text: str, clone: Clone) -> list[str]:
    """Run the commands of a page after `make run`; return what each printed, even if it failed."""
    first, *lines = commands(text)
    assert first == "make run"
    return [await clone.run(f"({line}) || true") for line in lines]


async def test_commands_of_the_readme(clone: Clone, received: Received) -> None:
    """A message is delivered, the stand-in shows it, and the gateway accepts another message."""
    delivered, shown, accepted = await run_commands(README.read_text(), clone)

    assert '"status":"success"' in delivered
    assert "Signed Up" in shown
    assert accepted.strip() == '{"success":true}'
    assert await received()


async def test_python_of_the_readme_can_be_pasted(clone: Clone, received: Received) -> None:
    """The interpreter is Python's own, in which `await` outside of a function is an error."""
    buffering, waiting, sdk = blocks(README.read_text(), "python")

    printed = [await clone.paste_python(code) for code in (buffering, waiting, sdk)]

    assert ["Traceback" in text for text in printed] == [False] * 3
    assert "stored by Temporal as" in printed[1]
    assert "success 200" in printed[1]
    events = [
        message["event"]
        for row in await received()
        for message in row["body"].get("batch", [row["body"]])
    ]
    assert {"Order Completed", "Signed Up"} <= {*events}


async def test_commands_of_getting_started(clone: Clone, received: Received) -> None:
    """Each command prints what the page says."""
    first, shown, _script, retried, invalid, status, failed, tested = await run_commands(
        page("getting-started"), clone
    )

    assert '"status":"success"' in first
    assert "Signed Up" in shown
    assert retried.count('"attempt":') == 3
    assert "track.event is required" in invalid
    assert "segment" in status
    assert "ValidationError" in failed
    assert "Durable Analytics Test" in tested
    assert len(await received()) == 5


async def test_command_of_batches(clone: Clone) -> None:
    """Two messages are accepted, and one is refused."""
    (line,) = commands(page("batches"))
    batch = await clone.run(line)

    assert '"accepted":2' in batch
    assert "messages.2.event is required" in batch


async def test_query_of_the_gateway_page_finds_a_failed_batch(clone: Clone) -> None:
    """In the execution, no message was accepted."""
    curl, query = commands(page("gateway"))
    await clone.run(curl.replace('"event"', '"evnt"'))

    async with asyncio.timeout(60):
        # Temporal lists an execution a moment after its end.
        while "Batch" not in await clone.run(query):  # noqa: ASYNC110  # it has no event
            await asyncio.sleep(0.2)
