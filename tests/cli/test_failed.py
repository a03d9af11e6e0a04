"""`durable-analytics failed`, run as an operator does, against real executions."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from temporalio.client import Client
from typer.testing import CliRunner, Result

from durable_analytics.cli.failed import failed_app
from durable_analytics.testing import StandIn
from tests.support.batches import BAD, numbered
from tests.support.failed_deliveries import accepted_ids, closed, fail_track, run, track, unique

Command = Callable[..., Awaitable[Result]]


@pytest.fixture
def command(temporal: Client, queue: str) -> Command:
    """Run a command; it connects with the environment, as everywhere."""
    environment = {
        "TEMPORAL_ADDRESS": temporal.service_client.config.target_host,
        "ANALYTICS_TASK_QUEUE": queue,
    }

    async def invoke(*arguments: str, **more: str | None) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke, failed_app, list(arguments), env={**environment, **more}
        )

    return invoke


async def test_a_list_has_two_lines_for_each_failed_delivery(
    temporal: Client, queue: str, standin: StandIn, command: Command
) -> None:
    handle = await fail_track(temporal, standin, queue, id=unique())
    await run(temporal, queue, "Batch", {"messages": [*numbered(1), BAD, BAD]})
    await closed(temporal, queue, 2)

    shown = await command("list")

    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert len(lines) == 4
    assert lines[0].endswith("Z  track  segment  Unauthorized  1 message")
    assert lines[1] == f"  {handle.id}"
    assert lines[2].endswith("Z  batch  segment  ValidationError  2 messages")
    assert max(map(len, lines)) <= 80


async def test_a_name_of_an_integration_is_cut_and_has_no_control_characters(
    temporal: Client, queue: str, command: Command
) -> None:
    """An input may have any text there."""
    for name in ("x" * 100_000, "a\x1b[2Jb"):
        await run(temporal, queue, "Track", {"integration": name, "track": track()})
    data = {"deliver_to": ["y" * 100_000], "track": track()}
    handle = await run(temporal, queue, "Track", data)
    await closed(temporal, queue, 3)

    shown = (await command("list")).stdout
    printed = (await command("show", handle.id)).stdout.split("input:")[0]
    rows = json.loads((await command("list", "--json")).stdout)

    assert max(map(len, (shown + printed).splitlines())) < 500
    assert f"  {'x' * 199}…  UnknownIntegration  1 message\n" in shown
    assert r"  a\x1b[2Jb  UnknownIntegration  1 message" in shown
    assert max(len(row["integration"]) for row in rows) == 200


async def test_a_list_as_json_has_the_keys_of_the_contract(
    temporal: Client, queue: str, standin: StandIn, command: Command
) -> None:
    await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)

    (row,) = json.loads((await command("list", "--since", "24h", "--json")).stdout)

    assert list(row) == [
        "workflow_id",
        "run_id",
        "method",
        "integration",
        "type",
        "message",
        "closed_at",
        "messages",
    ]
    assert json.loads((await command("list", "--until", "PT1H", "--json")).stdout) == []
    assert (await command("list", "--method", "page")).stdout == "nothing failed\n"


async def test_show_explains_one_with_its_input_attempts_and_response(
    temporal: Client, queue: str, standin: StandIn, command: Command
) -> None:
    handle = await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)

    shown = json.loads((await command("show", handle.id, "--json")).stdout)

    assert shown["input"] == {"track": track()}
    assert [one["status_code"] for one in shown["attempts"]] == [401]
    assert shown["response"]["status_code"] == 401
    assert "others" not in shown
    text = (await command("show", handle.id)).stdout
    assert "type: Unauthorized" in text
    assert '"event": "Signed Up"' in text


async def test_show_lists_the_refused_messages_of_a_batch(
    temporal: Client, queue: str, standin: StandIn, command: Command
) -> None:
    del standin
    handle = await run(temporal, queue, "Batch", {"messages": [*numbered(1), BAD]})
    await closed(temporal, queue, 1)

    shown = json.loads((await command("show", handle.id, "--json")).stdout)

    assert shown["messages"] == 1
    assert [one["index"] for one in shown["rejected"]] == [1]
    assert shown["response"]["status_code"] == 200


async def test_show_explains_each_integration_at_which_a_fan_out_failed(
    temporal: Client, queue: str, standin: StandIn, command: Command
) -> None:
    """In its latest run, in the order of the input."""
    data = {"deliver_to": ["segment", "amplitude", "journy"], "track": track()}
    workflow_id = unique()
    standin.script("amplitude", {"status": 400}, {"status": 400})
    await run(temporal, queue, "Track", data, id=workflow_id)
    standin.script("segment", {"status": 401})
    latest = await run(temporal, queue, "Track", data, id=workflow_id)
    await closed(temporal, queue, 2)

    shown = json.loads((await command("show", workflow_id, "--json")).stdout)

    (other,) = shown["others"]
    assert shown["run_id"] == other["run_id"] == latest.result_run_id
    assert [(one["integration"], one["type"]) for one in (shown, other)] == [
        ("segment", "Unauthorized"),
        ("amplitude", "Rejected"),
    ]
    assert [one["response"]["status_code"] for one in (shown, other)] == [401, 400]
    assert other.keys() == shown.keys() - {"input", "others"}
    text = (await command("show", workflow_id)).stdout
    first, second = text.split("\n\n")
    assert "integration: segment\ntype: Unauthorized\n" in first
    assert "integration: amplitude\ntype: Rejected\n" in second


async def test_an_unknown_id_is_one_line_and_status_1(command: Command) -> None:
    for arguments in (["show", "nothing"], ["redrive", "nothing", "--yes"]):
        shown = await command(*arguments)

        assert shown.exit_code == 1
        assert len(shown.stderr.splitlines()) == 1


async def test_a_redrive_delivers_once(
    temporal: Client, queue: str, standin: StandIn, command: Command
) -> None:
    """The key was wrong; it is mended."""
    await fail_track(temporal, standin, queue)
    await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 2)

    preview = await command("redrive", "--type", "unauthorized", "--dry-run")
    first = await command("redrive", "--type", "Unauthorized", "--yes", "--json")
    again = await command("redrive", "--type", "Unauthorized", "--yes")

    assert preview.stdout.splitlines() == [
        "selected 2, redriven 0, skipped 0, failed 0",
        "dry run: 2 would be sent again",
    ]
    assert json.loads(first.stdout) == {
        "selected": 2,
        "redriven": 2,
        "skipped": 0,
        "failed": 0,
        "dry_run": False,
    }
    assert first.exit_code == again.exit_code == 0
    assert again.stdout == "selected 2, redriven 0, skipped 2, failed 0\n"
    assert len(accepted_ids(standin)) == 2


async def test_a_redrive_of_ids_leaves_the_others(
    temporal: Client, queue: str, standin: StandIn, command: Command
) -> None:
    handle = await fail_track(temporal, standin, queue, {"track": track(1)})
    await fail_track(temporal, standin, queue, {"track": track(2)})
    await closed(temporal, queue, 2)

    shown = await command("redrive", handle.id, "--yes")

    assert shown.stdout == "selected 1, redriven 1, skipped 0, failed 0\n"
    assert [message.content["userId"] for message in standin.accepted["segment"]] == ["u-1"]


async def test_what_fails_again_is_status_1(
    temporal: Client, queue: str, standin: StandIn, command: Command
) -> None:
    await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)
    standin.script("segment", {"status": 401})

    shown = await command("redrive", "--yes")

    assert shown.exit_code == 1
    assert shown.stdout == "selected 1, redriven 0, skipped 0, failed 1\n"
    assert shown.stderr == (
        "the first that failed: Unauthorized: "
        "Segment answered 401; check the integration's credentials\n"
    )


async def test_an_input_that_cannot_be_read_has_a_reason(
    temporal: Client, queue: str, command: Command
) -> None:
    await temporal.start_workflow("Track", "no object", id=unique(), task_queue=queue)
    await closed(temporal, queue, 1)

    shown = await command("redrive", "--yes", "--json")

    assert json.loads(shown.stdout)["failed"] == 1
    assert "the first that failed: ValidationError: the input must be one JSON" in shown.stderr


async def test_a_redrive_to_an_unknown_integration(
    temporal: Client, queue: str, standin: StandIn, command: Command
) -> None:
    """The settings tell before anything is sent; without them, the worker does."""
    await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)
    settings = {
        "ANALYTICS_INTEGRATIONS__BACKUP__PROVIDER": "segment",
        "ANALYTICS_INTEGRATIONS__TRAKIO__TOKEN": "a-token",
    }

    refused = await command("redrive", "--to", "nope", "--yes", **settings)
    tried = await command("redrive", "--to", "nope", "--yes")

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        "--to nope: the settings have no such integration; they have backup, trakio\n"
    )
    assert tried.exit_code == 1
    assert tried.stdout == "selected 1, redriven 0, skipped 0, failed 1\n"
    assert tried.stderr.startswith("the first that failed: UnknownIntegration: ")


async def test_a_redrive_to_a_configured_integration(
    temporal: Client, queue: str, standin: StandIn, command: Command
) -> None:
    await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)
    settings = {"ANALYTICS_INTEGRATIONS__RUDDERSTACK__WRITE_KEY": "a-key"}

    shown = await command("redrive", "--to", "rudderstack", "--yes", **settings)

    assert shown.exit_code == 0
    assert len(accepted_ids(standin, "rudderstack")) == 1


@pytest.mark.parametrize(("answer", "sent"), [("y", 1), ("n", 0)])
async def test_a_redrive_asks_on_a_terminal(
    temporal: Client,
    queue: str,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    sent: int,
) -> None:
    await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)
    monkeypatch.setattr("durable_analytics.cli.failed._is_terminal", lambda: True)
    environment = {
        "TEMPORAL_ADDRESS": temporal.service_client.config.target_host,
        "ANALYTICS_TASK_QUEUE": queue,
    }

    shown = await asyncio.to_thread(
        CliRunner().invoke, failed_app, ["redrive"], input=answer, env=environment
    )

    assert "Send 1 messages again?" in shown.stderr
    assert len(accepted_ids(standin)) == sent


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["redrive"], "--yes"),
        (["list", "--since", "yesterday"], "PT24H"),
        (["list", "--method", "tracks"], "track"),
        (["list", "--type", "Unauthorised"], "Unauthorized"),
    ],
)
async def test_wrong_use_is_status_2(command: Command, arguments: list[str], reason: str) -> None:
    shown = await command(*arguments)

    assert shown.exit_code == 2
    assert reason in shown.stderr


async def test_without_a_server_it_is_status_2(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("durable_analytics.cli._session.PATIENCE_SECONDS", 0.3)

    shown = await command("list", TEMPORAL_ADDRESS="127.0.0.1:1")

    assert shown.exit_code == 2
    assert len(shown.stderr.splitlines()) == 1
    assert "127.0.0.1:1" in shown.stderr
