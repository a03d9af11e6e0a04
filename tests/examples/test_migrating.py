"""The guide for other SDKs: the code before and after sends the same messages."""

import asyncio
import json
import re
import sys
from datetime import datetime
from pathlib import Path

import pytest
from temporalio.client import Client

from durable_analytics import BufferingClient
from durable_analytics.providers import provider_class
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.programs import EXAMPLES, run_program
from worker import Settings
from worker.settings import load

PAGE = EXAMPLES.parent / "docs" / "migrating.md"
TEXT = PAGE.read_text()
BLOCK = re.compile(r"<!-- ([a-z:]+(?: [a-z]+)?) -->\n```(\w+)\n(.*?)```\n", flags=re.DOTALL)
BLOCKS: list[tuple[str, str, str]] = BLOCK.findall(TEXT)

SDKS = {
    "segment": ("segment.analytics", "analytics", "host"),
    "rudderstack": ("rudderstack.analytics", "rudder_analytics", "dataPlaneUrl"),
}
CALLS = ("identify", "track", "group", "alias", "page", "screen")


def code(mark: str) -> list[str]:
    """The blocks with a mark."""
    return [block for name, _, block in BLOCKS if name == mark]


def comparable(message: Json) -> Json:
    """A message without its id, its time of sending, and what the guide says that differs."""
    message = json.loads(json.dumps(message))
    context = message.pop("context", {})
    context.pop("library", None)
    if message["type"] == "identify" and "traits" in context:
        message["traits"] = context.pop("traits")
    left_out = {"messageId", "channel", "timestamp"}
    fields = {k: v for k, v in {**message, "context": context}.items() if k not in left_out}
    if fields.get("integrations") in ({}, {"All": True}):
        del fields["integrations"]
    if message.get("event") == "Order Completed":  # the others have the time of the call
        fields["timestamp"] = datetime.fromisoformat(message["timestamp"])
    return {k: v for k, v in fields.items() if v is not None and v != {}}


def messages_of(standin: StandIn) -> list[Json]:
    """What the provider got, in the order of the calls."""
    return [message for request in standin.requests for message in request["body"]["batch"]]


def received(standin: StandIn, integration: str) -> list[Json]:
    """The same, as far as it must be equal."""
    assert {request["integration"] for request in standin.requests} == {integration}
    return [comparable(message) for message in messages_of(standin)]


@pytest.fixture
def environment(temporal: Client, running_worker: Settings) -> Json:
    """The variables of a service."""
    assert running_worker.task_queue == "analytics"
    return {"TEMPORAL_ADDRESS": temporal.service_client.config.target_host}


def test_each_block_is_marked() -> None:
    """So that each of them is run below."""
    assert TEXT.count("```") == 2 * len(BLOCKS)
    marks = {f"{sdk}: {part}" for sdk in SDKS for part in ("before", "after", "settings")}
    assert {mark for mark, _, _ in BLOCKS} == marks | {"waits"}


@pytest.mark.parametrize("sdk", SDKS)
def test_each_call_has_a_before_and_an_after(sdk: str) -> None:
    """One after the other."""
    before, after = code(f"{sdk}: before"), code(f"{sdk}: after")
    assert len(before) == len(after)
    for call in CALLS:
        (number,) = [n for n, block in enumerate(before) if f".{call}(" in block]
        assert f".{call}(" in after[number]


@pytest.mark.parametrize("sdk", SDKS)
async def test_before_and_after_send_the_same_messages(
    environment: Json, standin: StandIn, sdk: str
) -> None:
    """The SDK sends to the stand-in; we send through Temporal and a worker."""
    module, name, host = SDKS[sdk]
    setup, *calls, errors, end = code(f"{sdk}: before")
    url = standin.base_url(sdk)
    redirect = f"import {module} as {name}\n{name}.{host} = {url!r}\n"
    before = [setup, redirect, errors, *calls, end]
    await run_program(sys.executable, "-c", "\n".join(before), **environment)
    expected = received(standin, sdk)

    standin.clear()
    setup, *calls, errors, end = code(f"{sdk}: after")
    # The message id is new in each run: nothing of an earlier one is joined.
    await run_program(
        sys.executable, "-c", "\n".join([setup, *calls, "analytics.close()"]), **environment
    )
    await run_program(sys.executable, "-c", f"{setup}\n{errors}\n{end}", **environment)
    while len(messages_of(standin)) < len(expected):  # noqa: ASYNC110  # it has no event
        await asyncio.sleep(0.02)

    assert received(standin, sdk) == expected
    assert [message["type"] for message in expected] == [
        *("identify", "track", "track", "group", "alias", "page", "screen")
    ]


@pytest.mark.parametrize("sdk", SDKS)
def test_the_settings_are_those_of_a_worker(
    sdk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the page shows them."""
    (settings,) = code(f"{sdk}: settings")
    file = tmp_path / "analytics.toml"
    file.write_text(settings)
    monkeypatch.setenv("ANALYTICS_CONFIG", str(file))

    configured = load().integrations[sdk]
    assert isinstance(configured.provider, provider_class(sdk))


async def test_the_call_that_waits_prints_the_status(environment: Json, standin: StandIn) -> None:
    """When the provider has answered."""
    (program,) = code("waits")
    assert await run_program(sys.executable, "-c", program, **environment) == "success\n"
    assert len(standin.requests) == 1


def test_options_that_the_page_names_exist() -> None:
    """Of our client, in the second column."""
    named = set(
        re.findall(r"^\| `[a-zA-Z_]+[^|]* \| .*?`([a-z_]+)(?:=[^`]*)?`", TEXT, re.MULTILINE)
    )
    arguments = {"disabled", "flush_at", "max_queue_size", "policies", "data_converter"}
    assert arguments <= named
    assert arguments <= set(BufferingClient.__init__.__annotations__)
