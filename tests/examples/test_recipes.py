"""The page of recipes shows its examples as they are, and each of them delivers its messages."""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.client import Client

from durable_analytics.buffering._environment import PREFIX, READERS
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.programs import EXAMPLES, TOOLS, run_program
from worker import Settings

RECIPES = EXAMPLES / "recipes"
PAGE = EXAMPLES.parent / "docs" / "recipes.md"
TEXT = PAGE.read_text()
INCLUDED = re.compile(r"<!-- from (\S+) -->\n```python\n(.*?)```\n", flags=re.DOTALL)

NEVER = "3600"
"""The flush interval of the recipes here: only their own flush, or their close, sends."""


@pytest.fixture
def environment(temporal: Client, running_worker: Settings) -> dict[str, str]:
    """The variables of a recipe."""
    return {
        "TEMPORAL_ADDRESS": temporal.service_client.config.target_host,
        "ANALYTICS_TASK_QUEUE": running_worker.task_queue,
        "ANALYTICS_CLIENT__INTEGRATION": "segment",
        "ANALYTICS_CLIENT__FLUSH_INTERVAL": NEVER,
    }


async def until_received(standin: StandIn, count: int) -> list[Json]:
    """Wait for so many messages at the provider; returns them."""
    while True:
        messages = [m for request in standin.requests for m in request["body"]["batch"]]
        if len(messages) >= count:
            return messages
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    *command: str | Path, environment: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program beside the recipes; it is killed if the test fails."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=RECIPES, env={"PATH": os.environ["PATH"], **environment}, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def line_with(process: asyncio.subprocess.Process, pattern: str) -> re.Match[str]:
    """Wait for a line of a program's errors that matches."""
    assert process.stderr
    while line := (await process.stderr.readline()).decode():
        if match := re.search(pattern, line):
            return match
    raise AssertionError(f"the program has ended without {pattern}")


async def end(process: asyncio.subprocess.Process) -> None:
    """End a program as its supervisor does."""
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 60)


async def run_lines(environment: dict[str, str], *lines: str) -> str:
    """Run lines of Python beside the recipes."""
    return await run_program(sys.executable, "-c", "\n".join(lines), cwd=RECIPES, **environment)


def test_the_page_shows_each_recipe_as_it_is() -> None:
    """Line by line, and no other Python."""
    shown = dict(INCLUDED.findall(TEXT))
    files = {f"examples/recipes/{file.name}": file.read_text() for file in RECIPES.glob("*.py")}
    assert shown == files
    assert TEXT.count("```python") == len(files)


def test_the_page_has_the_variables_of_the_client() -> None:
    """Each argument that the environment can set."""
    documented = re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \|", TEXT, flags=re.MULTILINE)
    assert sorted(documented) == sorted(name.upper() for name in READERS)


def test_examples_of_variables_are_read() -> None:
    """The page's own values."""
    rows = re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \| `(.+?)` \|", TEXT, flags=re.MULTILINE)
    assert len(rows) == len(READERS)
    for name, text in rows:
        READERS[name.lower()](text)


def test_links_lead_somewhere() -> None:
    """Files beside the page, and headings."""
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        name, _, heading = target.partition("#")
        text = (PAGE.parent / name).read_text() if name else TEXT
        headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
        known = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}
        assert not heading or heading in known, target


async def test_fastapi(environment: dict[str, str], standin: StandIn) -> None:
    """The lifespan delivers what a request has tracked."""
    printed = await run_lines(
        environment,
        "from fastapi.testclient import TestClient",
        "from fastapi_app import app",
        "with TestClient(app) as client:",
        "    answer = client.post('/orders', json={'user_id': 'u-1', 'total': 19.99})",
        "    print(answer.status_code, answer.json()['message_id'])",
        "import os; os._exit(0)",
    )

    (message,) = await until_received(standin, 1)
    assert printed.split() == ["200", message["messageId"]]
    assert (message["userId"], message["properties"]["revenue"]) == ("u-1", 19.99)
    assert message["context"]["userAgent"] == "testclient"


async def test_fastapi_with_uvicorn_ends_by_a_signal(
    environment: dict[str, str], standin: StandIn
) -> None:
    """As the page says that it is run."""
    command = (TOOLS / "uvicorn", "fastapi_app:app", "--port", "0")
    async with running(*command, environment=environment) as process:
        address = await line_with(process, r"http://127\.0\.0\.1:(\d+)")
        body = json.dumps({"user_id": "u-1", "total": 5})
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address[1]))
        head = "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await end(process)

    (message,) = await until_received(standin, 1)
    assert message["userId"] == "u-1"


async def test_django(environment: dict[str, str], standin: StandIn) -> None:
    """A committed order is delivered at the exit; one that is rolled back is not."""
    printed = await run_lines(
        environment,
        "import django_app",
        "from django.test import Client",
        "client = Client(raise_request_exception=False)",
        "order = {'user_id': 'u-2', 'total': '5'}",
        "print(client.post('/orders', {**order, 'fail': '1'}).status_code)",
        "print(client.post('/orders', {**order, 'user_id': 'u-1'}).status_code)",
    )

    (message,) = await until_received(standin, 1)
    assert printed.split() == ["500", "201"]
    assert (message["userId"], message["context"]["ip"]) == ("u-1", "127.0.0.1")


async def test_flask(environment: dict[str, str], standin: StandIn) -> None:
    """The exit of the process delivers; a full queue does not fail a request."""
    printed = await run_lines(
        {**environment, "ANALYTICS_CLIENT__MAX_QUEUE_SIZE": "1"},
        "from flask_app import app",
        "client = app.test_client()",
        "order = {'user_id': 'u-1', 'total': 5}",
        "print(client.post('/orders', json=order).status_code)",
        "print(client.post('/orders', json=order).status_code)",
    )

    (message,) = await until_received(standin, 1)
    assert printed.split() == ["201", "201"]
    assert message["userId"] == "u-1"


@pytest.mark.slow
async def test_celery(environment: dict[str, str], standin: StandIn, tmp_path: Path) -> None:
    """A child of a worker delivers what its tasks have tracked before it ends."""
    folder = tmp_path / "queue"
    folder.mkdir()
    starter = [
        "import sys, celery_app",
        "celery_app.app.conf.broker_transport_options = {",
        f"    'data_folder_in': {str(folder)!r}, 'data_folder_out': {str(folder)!r},",
        f"    'control_folder': {str(tmp_path / 'control')!r},",
        "}",
    ]
    environment = {**environment, "BROKER_URL": "filesystem://"}
    await run_lines(
        environment, *starter, "celery_app.complete_order.apply_async(('u-1', 5), task_id='t-1')"
    )
    worker = "celery_app.app.worker_main(['worker', '--pool', 'prefork', '-c', '1', '-l', 'INFO'])"
    command = (sys.executable, "-c", "\n".join([*starter, worker]))
    async with running(*command, environment=environment) as process:
        await line_with(process, "succeeded")
        assert standin.requests == []
        await end(process)

    (message,) = await until_received(standin, 1)
    assert (message["userId"], message["messageId"]) == ("u-1", "t-1")


async def test_lambda(environment: dict[str, str], standin: StandIn) -> None:
    """The messages are with Temporal when the handler returns, also if it fails."""
    printed = await run_lines(
        environment,
        "import json, os",
        "from lambda_handler import handler",
        "def record(number, **order):",
        "    return {'messageId': f'm-{number}', 'body': json.dumps(order)}",
        "handler({'Records': [record(1, user_id='u-1', total=5)]}, None)",
        "try:",
        "    handler({'Records': [record(2, user_id='u-2', total=5), record(3)]}, None)",
        "except KeyError as error:",
        "    print('failed:', error, flush=True)",
        "os._exit(0)",
    )

    messages = await until_received(standin, 2)
    assert printed == "failed: 'user_id'\n"
    assert {(message["userId"], message["messageId"]) for message in messages} == {
        ("u-1", "m-1"),
        ("u-2", "m-2"),
    }
