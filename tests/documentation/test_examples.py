"""What the README and the first pages ask a reader to type, typed as it stands there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from tests.documentation.pages import README, blocks, commands, page
from tests.support.clone import Clone
from tests.support.json_objects import Json

pytestmark = pytest.mark.slow

Received = Callable[[], Awaitable[list[Json]]]
"""Returns the requests that the stand-in received since the test began."""


@pytest.fixture(scope="module")
async def clone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clone]:
    """A clone in which `make run` runs, with the settings of the page on a real account."""
    clone = Clone.make(tmp_path_factory.mktemp("clone"))
    (example,) = blocks(page("getting-started"), "toml")
    account = example.replace("…", "segment-write-key") + f'base_url = "{clone.standin_url}/segment"\n'
    (clone.folder / "analytics.toml").write_text(account)
    async with clone.make_run():
        yield clone


@pytest.fixture
async def received(clone: Clone) -> AsyncIterator[Received]:
    """The requests that the stand-in received since the test began."""
    url = f"{clone.standin_url}/requests"
    async with httpx.AsyncClient() as client:
        await client.delete(url)

        async def requests() -> list[Json]:
            return list((await client.get(url)).json())

        yield requests


async def type_page(text: str, clone: Clone) -> list[str]:
    """Type the commands after `make run`; returns what each printed, also if it failed."""
    first, *lines = commands(text)
    assert first == "make run"
    return [await clone.run(f"({line}) || true") for line in lines]


async def test_first_commands_of_the_readme(clone: Clone, received: Received) -> None:
    """A message is delivered, the stand-in shows it, and the gateway accepts another one."""
    delivered, shown, accepted = await type_page(README.read_text(), clone)

    assert '"status":"success"' in delivered
    assert "Signed Up" in shown
    assert accepted.strip() == '{"success":true}'
    assert await received()


async def test_python_of_the_readme_can_be_pasted(clone: Clone, received: Received) -> None:
    """Into an interpreter, where `await` outside of a function is an error."""
    buffering, waiting, sdk = blocks(README.read_text(), "python")

    assert "Error" not in await clone.paste_python(buffering)
    printed = await clone.paste_python(waiting)
    await clone.paste_python(sdk)

    assert "stored by Temporal as" in printed
    assert "success 200" in printed
    events = [
        one["event"] for row in await received() for one in row["body"].get("batch", [row["body"]])
    ]
    assert {"Order Completed", "Signed Up"} <= {*events}


async def test_getting_started(clone: Clone, received: Received) -> None:
    """Each command does what the page says about it."""
    first, shown, _script, retried, invalid, status, failed, account = await type_page(
        page("getting-started"), clone
    )

    assert '"status":"success"' in first
    assert "Signed Up" in shown
    assert retried.count('"attempt":') == 3
    assert "track.event is required" in invalid
    assert "segment" in status
    assert "ValidationError" in failed
    assert "Durable Analytics Test" in account
    assert len(await received()) == 5


async def test_batches(clone: Clone) -> None:
    """Two messages are accepted, and one is refused."""
    (line,) = commands(page("batches"))
    batch = await clone.run(line)

    assert '"accepted":2' in batch
    assert "messages.2.event is required" in batch


async def test_failed_batches_of_the_gateway(clone: Clone) -> None:
    """The query of gateway.md finds an execution in which no message was accepted."""
    curl, query = commands(page("gateway"))
    await clone.run(curl.replace('"event"', '"evnt"'))

    async with asyncio.timeout(60):
        # Temporal lists it a moment after its end.
        while "Batch" not in await clone.run(query):  # noqa: ASYNC110  # it has no event
            await asyncio.sleep(0.2)
