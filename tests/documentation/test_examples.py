"""What the README and the first pages ask a reader to type, typed as it stands there."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.documentation.pages import README, blocks, commands, page
from tests.support.json_objects import Json
from tests.support.local_run import local, local_ports
from tests.support.programs import TOOLS, run_program

pytestmark = pytest.mark.slow

NOT_HERE = ("make ", "docker ")
"""Commands that start what runs already."""

Typed = Callable[[str], Awaitable[str]]
"""Runs a line of shell, or Python that is pasted into an interpreter; returns what it printed."""


@pytest.fixture(scope="module")
async def ports(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, str]]:
    """What `make run` starts, in a folder with the settings of the page on a real account."""
    folder, ports = tmp_path_factory.mktemp("run"), local_ports()
    (example,) = blocks(page("getting-started"), "toml")
    standin = f"http://127.0.0.1:{ports['LOCAL_STANDIN_PORT']}"
    account = example.replace("…", "segment-write-key") + f'base_url = "{standin}/segment"\n'
    (folder / "analytics.toml").write_text(account)
    (folder / ".venv").symlink_to(TOOLS.parent)
    async with local(folder, ports) as run:
        await run.line("Ctrl-C stops all processes")
        yield {**ports, "folder": str(folder)}


@pytest.fixture
def typed(ports: dict[str, str]) -> Typed:
    """Type a line of shell in the folder."""

    async def run(line: str) -> str:
        return await in_folder(ports, "-ec", here(line, ports))

    return run


@pytest.fixture
def pasted(ports: dict[str, str], tmp_path: Path) -> Typed:
    """Paste Python into an interpreter, which reads it line by line."""

    async def run(code: str) -> str:
        (tmp_path / "code").write_text(here(code, ports))
        line = f"{sys.executable} -i -q < {tmp_path / 'code'}"
        return await in_folder(ports, "-c", line)

    return run


@pytest.fixture
async def received(ports: dict[str, str]) -> AsyncIterator[Callable[[], Awaitable[list[Json]]]]:
    """The requests that the stand-in received since the test began."""
    url = f"http://127.0.0.1:{ports['LOCAL_STANDIN_PORT']}/requests"
    async with httpx.AsyncClient() as client:
        await client.delete(url)

        async def requests() -> list[Json]:
            return list((await client.get(url)).json())

        yield requests


def here(text: str, ports: dict[str, str]) -> str:
    """The text with the ports of this run."""
    for port, name in (("7233", "TEMPORAL"), ("8090", "STANDIN"), ("8088", "GATEWAY")):
        text = text.replace(f"localhost:{port}", f"localhost:{ports[f'LOCAL_{name}_PORT']}")
    return text


async def in_folder(ports: dict[str, str], *arguments: str) -> str:
    """Run a shell as a reader whose `make run` has these ports; returns what it printed."""
    address = f"127.0.0.1:{ports['LOCAL_TEMPORAL_PORT']}"
    return await run_program(
        "bash", *arguments, cwd=Path(ports["folder"]), TEMPORAL_ADDRESS=address
    )


async def type_page(text: str, typed: Typed) -> list[str]:
    """Type the commands of a page; returns what each printed, also if it failed."""
    lines = [line for line in commands(text) if not line.startswith(NOT_HERE)]
    return [await typed(f"({line}) || true") for line in lines]


async def test_first_commands_of_the_readme(
    typed: Typed, received: Callable[[], Awaitable[list[Json]]]
) -> None:
    """A message is delivered, the stand-in shows it, and the gateway accepts another one."""
    delivered, shown, accepted = await type_page(README.read_text(), typed)

    assert '"status":"success"' in delivered
    assert "Signed Up" in shown
    assert accepted.strip() == '{"success":true}'
    assert await received()


async def test_python_of_the_readme_can_be_pasted(
    pasted: Typed, received: Callable[[], Awaitable[list[Json]]]
) -> None:
    """Into an interpreter, where `await` outside of a function is an error."""
    buffering, waiting, _sdk = blocks(README.read_text(), "python")

    assert "Error" not in await pasted(buffering)
    printed = await pasted(waiting)

    assert "stored by Temporal as" in printed
    assert "success 200" in printed
    assert len(await received()) >= 1


async def test_getting_started(typed: Typed, received: Callable[[], Awaitable[list[Json]]]) -> None:
    """Each command does what the page says about it."""
    first, shown, _script, retried, invalid, status, failed, account = await type_page(
        page("getting-started"), typed
    )

    assert '"status":"success"' in first
    assert "Signed Up" in shown
    assert retried.count('"attempt":') == 3
    assert "track.event is required" in invalid
    assert "segment" in status
    assert "ValidationError" in failed
    assert "Durable Analytics Test" in account
    assert len(await received()) == 5


async def test_batches(typed: Typed) -> None:
    """Two messages are accepted, and one is refused."""
    (batch,) = await type_page(page("batches"), typed)

    assert '"accepted":2' in batch
    assert "messages.2.event is required" in batch
