"""`import`: what ends it, in one line, before all rows are sent."""

from pathlib import Path

import pytest
from temporalio.client import Client

from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.testing import StandIn
from tests.support.clients_with_keys import client_with_keys
from tests.support.command import Command
from tests.support.imported_files import delivered, track, write_rows
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import own_process


async def test_an_integration_that_the_workers_do_not_have(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """The command has no settings; the first batch tells, and names those that there are."""
    file = write_rows(tmp_path / "events.ndjson", [track(number) for number in range(6_000)])

    ended = await command("import", str(file), "--integration", "nosuch", "--json")

    assert (ended.status, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert "--integration nosuch: " in line
    assert "is not configured; configured: " in line
    assert " segment, " in line
    assert not standin.requests


async def test_outputs_that_are_encrypted_with_another_key(
    command: Command,
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rows are delivered, and the command with the key of the workers says so."""
    old, new = new_key("k1"), new_key("k2")
    client = await client_with_keys(temporal, new, old)
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    monkeypatch.setenv("ANALYTICS_ENCRYPTION_KEYS", old)
    file = write_rows(tmp_path / "events.ndjson", [track(91), track(92)])
    arguments = ("import", str(file), "--integration", "segment")

    async with own_process(client, settings_for(standin, task_queue=task_queue)):
        without = await command(*arguments)
        monkeypatch.setenv("ANALYTICS_ENCRYPTION_KEYS", f"{old},{new}")
        again = await command(*arguments)

    assert without.status == 2
    (line,) = without.err.splitlines()
    assert "rows were sent, but whether they were delivered cannot be read: " in line
    assert "the key k2, which this process does not have (it has k1)" in line
    assert line.endswith("run the same command again: it sends nothing twice")
    assert (again.status, again.out) == (0, "2 rows: 2 delivered, 0 refused\n")
    assert len(delivered(standin)) == 2


async def test_workers_may_have_more_integrations_than_the_settings_here(
    command: Command,
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As those of `make run`: what a worker polls for is known, anything else is refused."""
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__PRODUCTION__PROVIDER", "segment")
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__PRODUCTION__WRITE_KEY", "a-key")
    file = write_rows(tmp_path / "events.ndjson", [track(93)])
    arguments = ("import", str(file), "--integration")

    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        known = await command(*arguments, "segment")
        unknown = await command(*arguments, "nosuch")
        resumed = await command("resume", "segment")

    assert (known.status, known.out) == (0, "1 rows: 1 delivered, 0 refused\n")
    assert (unknown.status, unknown.out) == (2, "")
    assert unknown.err == (
        "durable-analytics: Invalid value: --integration nosuch: the settings have no such "
        "integration; they have production\n"
    )
    assert (resumed.out, resumed.err) == ("segment is running\n", "")
