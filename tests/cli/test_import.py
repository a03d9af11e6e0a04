"""`import`: the rows of a file become messages, each once, and a bad row stops no other."""

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from durable_analytics.wire.json_reasons import NOT_FINITE
from tests.support.command import Command
from tests.support.imported_files import delivered, track, write_rows
from tests.support.visible import until_visible
from worker import Settings

MANY = 20_000


async def test_each_row_of_ndjson_is_delivered(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """With its own fields, in as few requests as any batch."""
    file = write_rows(
        tmp_path / "events.ndjson",
        [
            track(1, properties={"plan": "pro"}, timestamp="2026-01-31T09:30:00Z"),
            "",
            {"type": "identify", "userId": "u-2", "traits": {"age": None}},
            track(3, message_id="mine", context={"ip": "192.0.2.1"}),
        ],
    )
    ended = await command("import", str(file), "--integration", "segment", "--json")

    assert (ended.status, ended.json) == (
        0,
        {
            "rows": 3,
            "delivered": 3,
            "filtered": 0,
            "refused": 0,
            "errors": [],
            "stopped": None,
            "dry_run": False,
        },
    )
    assert ended.err == ""
    first, second, third = delivered(standin)
    assert len(standin.requests) == 1
    assert (first["properties"], first["timestamp"]) == (
        {"plan": "pro"},
        "2026-01-31T09:30:00Z",
    )
    assert (second["type"], second["userId"], second["traits"]) == (
        "identify",
        "u-2",
        {"age": None},
    )
    assert (third["messageId"], third["context"]["ip"]) == ("mine", "192.0.2.1")


async def test_a_bad_row_is_reported_with_its_line_and_stops_no_other(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """What the client refuses, and what only the worker refuses, in the order of the file."""
    file = write_rows(
        tmp_path / "events.jsonl",
        [
            track(1),
            '{"type": "track", ',
            '["track"]',
            {"type": "track", "user_id": "u-4"},
            {"type": "trak", "user_id": "u-5"},
            {"user_id": "u-6", "event": "E"},
            track(7, properties={"revenue": "much"}),
            track(8, properties={"x": "x" * 40_000}),
            '{"type": "track", "user_id": "u", "event": "E", "properties": {"x": NaN}}',
            track(10, evnt="E"),
            track(11),
            '{"type": "track", ',
        ],
    )
    refused = tmp_path / "refused.ndjson"
    command_line = ("import", str(file), "--integration", "segment", "--refused", str(refused))
    ended = await command(*command_line, "--json")

    assert ended.status == 1
    assert (ended.json["rows"], ended.json["delivered"], ended.json["refused"]) == (12, 2, 10)
    errors = {error["line"]: (error["type"], error["message"]) for error in ended.json["errors"]}
    assert errors.keys() == {2, 3, 4, 5, 6, 7, 8, 9, 10, 12}
    assert {kind for kind, _ in errors.values()} == {"ValidationError"}
    assert (
        errors[2][1]
        == errors[12][1]
        == (
            "the line is not valid JSON: EOF while parsing a value at column 17; "
            "each line must be one object"
        )
    )
    assert errors[9][1] == f"track.properties.x {NOT_FINITE}"
    assert errors[3][1].startswith("must be an object")
    assert errors[4][1] == "track.event is required"
    assert errors[5][1].startswith("type is not known; the types are identify, track")
    assert errors[6][1].startswith("type is required: add a column, or --method")
    assert "properties.revenue must be a number" in errors[7][1]
    assert errors[8][1].startswith("the message is too large: ")
    assert not any("messages." in message for _, message in errors.values())
    assert [*errors] == sorted(errors)
    assert "did you mean event?" in errors[10][1]
    assert [message["userId"] for message in delivered(standin)] == ["u-1", "u-11"]
    written = [json.loads(line) for line in refused.read_text().splitlines()]
    assert sorted(row["line"] for row in written) == sorted(errors)

    readable = await command(*command_line)
    assert readable.out.startswith("12 rows: 2 delivered, 10 refused\n")
    assert "line 4: ValidationError: track.event is required" in readable.out
    assert "line 2: ValidationError: the line is not valid JSON: " in readable.out
    assert "line 9: ValidationError: track.properties.x is not a finite number" in readable.out
    assert "line 12:" not in readable.out  # for the reason of line 2
    assert readable.out.endswith("and 1 more: --refused FILE writes all of them\n")


async def test_what_sdks_add_is_taken_without_strict(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """As the files of an export have it; with strict, unknown keys are refused."""
    row = track(
        300,
        messageId="m-300",
        sentAt="2026-01-31T09:30:01Z",
        originalTimestamp="2026-01-31T09:30:00Z",
        timestamp="2026-01-31T09:30:00Z",
        context={"userAgent": "x", "groupId": "g-1"},
        channel="server",
    )
    file = write_rows(tmp_path / "events.ndjson", [row])
    strict = await command("import", str(file), "--integration", "segment", "--json")
    assert (strict.status, strict.json["refused"]) == (1, 1)

    lenient = await command(
        "import", str(file), "--integration", "segment", "--no-strict", "--json"
    )
    assert (lenient.status, lenient.json["delivered"]) == (0, 1)
    (message,) = delivered(standin)
    assert (message["messageId"], message["context"]["userAgent"]) == ("m-300", "x")


async def test_the_same_file_again_sends_nothing(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """Under another name, too; another file with equal rows is another import."""
    file = write_rows(tmp_path / "events.ndjson", [track(1), track(1), {"type": "track"}])
    first = await command("import", str(file), "--integration", "segment", "--json")
    again = file.rename(tmp_path / "again.ndjson")
    second = await command("import", str(again), "--integration", "segment", "--json")

    assert first.json == second.json
    assert len(standin.requests) == 1
    assert len({message["messageId"] for message in delivered(standin)}) == 2

    other = write_rows(tmp_path / "other.ndjson", [track(1)])
    await command("import", str(other), "--integration", "segment")
    assert len({message["messageId"] for message in delivered(standin)}) == 3


async def test_a_row_that_is_mapped_in_another_way_is_another_message(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """A provider would drop it as a repetition; the other rows keep their ids."""
    rows = [track(400), track(401, plan="pro")]
    file = write_rows(tmp_path / "events.ndjson", rows)
    for path in ("properties.plan", "traits.plan"):
        mapped = ("--map", f"plan={path}")
        ended = await command("import", str(file), "--integration", "segment", *mapped, "--json")
        assert ended.json["delivered"] == 2

    first, changed, again, other = delivered(standin)
    assert first["messageId"] == again["messageId"]
    assert changed["messageId"] != other["messageId"]
    assert (changed["properties"], other["context"]["traits"]) == ({"plan": "pro"}, {"plan": "pro"})


async def test_a_batch_that_failed_is_sent_again_by_the_next_run(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """Its rows are in the report, each with the failure."""
    standin.script("segment", {"status": 400, "body": {"message": "no"}})
    file = write_rows(tmp_path / "events.ndjson", [track(1), track(2)])

    failed = await command("import", str(file), "--integration", "segment", "--json")
    assert (failed.status, failed.json["refused"], failed.json["delivered"]) == (1, 2, 0)
    assert [(error["line"], error["type"]) for error in failed.json["errors"]] == [
        (1, "Rejected"),
        (2, "Rejected"),
    ]

    ended = await command("import", str(file), "--integration", "segment", "--json")
    assert (ended.status, ended.json["delivered"]) == (0, 2)


async def test_the_commands_of_the_recipes_work(
    command: Command, standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/recipes.md shows them."""
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "events.ndjson", [track(100)])
    (tmp_path / "users.csv").write_text("id,plan,internal_note\n2,pro,x\n")
    text = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
    (block,) = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)

    for line in block.replace("\\\n", "").splitlines():
        program, *arguments = shlex.split(line)
        assert program == "durable-analytics"
        assert (await command(*arguments)).status == 0

    assert [message["userId"] for message in delivered(standin)] == ["u-100", "2"]
    assert delivered(standin)[1]["traits"] == {"plan": "pro"}


async def test_a_terminal_shows_a_bar(
    command: Command, standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error, so that the report can be piped."""
    del standin
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    file = write_rows(tmp_path / "events.ndjson", [track(200)])
    ended = await command("import", str(file), "--integration", "segment", "--json")

    assert "1 delivered, 0 refused" in ended.err
    assert "100%" in ended.err
    assert ended.json["delivered"] == 1


async def test_a_rate_spreads_the_batches(
    command: Command, standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second batch of 1,000 messages waits until the first has used up its time."""
    del standin
    sleep, waits = asyncio.sleep, []

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await sleep(min(seconds, 0.1))

    monkeypatch.setattr(asyncio, "sleep", note)
    file = write_rows(tmp_path / "events.ndjson", map(track, range(1_001)))
    ended = await command("import", str(file), "--integration", "segment", "--rate", "1", "--json")

    assert ended.json["delivered"] == 1_001
    (wait,) = (seconds for seconds in waits if seconds > 100)
    assert 900 < wait <= 1_000


async def test_a_dry_run_sends_nothing(command: Command, standin: StandIn, tmp_path: Path) -> None:
    """It reports the bad rows."""
    file = write_rows(tmp_path / "events.ndjson", [track(1), {"type": "track"}])
    ended = await command("import", str(file), "--integration", "segment", "--dry-run")

    assert (ended.status, standin.requests) == (1, [])
    assert ended.out.startswith("2 rows: 1 would be delivered, 1 refused\n")


@pytest.mark.parametrize(
    ("name", "content", "arguments", "status", "problem"),
    [
        ("missing.csv", None, [], 2, "missing.csv is not a file"),
        (".", None, [], 2, "is not a file"),
        ("events.dat", b"", [], 2, "has no known format: add --format, one of ndjson, csv, tsv"),
        ("events.csv", b"", [], 1, "the file is empty: its first line must name the columns"),
        ("events.csv", b"a,a\n1,2\n", [], 1, "the header must name each column once"),
        (
            "events.csv",
            b"user_id;event\nu-1;E\n",
            [],
            1,
            "a CSV file has a comma between two columns",
        ),
        (
            "events.tsv",
            b"user_id,event\nu-1,E\n",
            [],
            1,
            "a TSV file has a tab between two columns",
        ),
        ("events.csv", b"user_id,na\xefve\n", [], 1, "the header is not UTF-8: save the file in"),
        (
            "events.csv",
            b"user_id,event\nu-1,E\n",
            ["--map", "name=event"],
            2,
            "--map name: the file has no such column; it has user_id, event",
        ),
        (
            "events.tsv",
            b"user_id\tzip\nu-1\t01234\n",
            ["--text", "zpi"],
            2,
            "--text zpi: the file has no such column; it has user_id, zip",
        ),
        ("events.parquet", b"PAR1", ["--map", "a=b"], 1, "cannot be read after row 0"),
        ("events.parquet", b"PAR1", [], 1, "events.parquet cannot be read after row 0"),
        ("events.csv", b"", ["--map", "plan"], 2, "--map plan: must be a column and a field"),
        ("events.csv", b"", ["--map", "a=b..c"], 2, "must be a column and a field"),
        ("events.csv", b"", ["--method", "trak"], 2, "--method must be one of identify, track"),
        ("events.csv", b"", ["--format", "xml"], 2, "--format must be one of ndjson, csv, tsv"),
        ("events.csv", b"", ["--rate", "0"], 2, "--rate"),
    ],
)
async def test_wrong_use_is_one_line(
    command: Command,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    arguments: list[str],
    status: int,
    problem: str,
) -> None:
    """What is wrong, and what to write."""
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    ended = await command("import", str(file), "--integration", "segment", *arguments)

    assert ended.status == status
    assert ended.out in {"", "0 rows: 0 delivered, 0 refused\n"}
    assert len(ended.err.splitlines()) == 1
    assert problem in ended.err


async def test_the_file_of_refused_rows_is_not_the_file_itself(
    command: Command, tmp_path: Path
) -> None:
    """It would be emptied before it is read."""
    file = write_rows(tmp_path / "events.ndjson", [track(1)])
    content = file.read_bytes()
    (tmp_path / "link.ndjson").symlink_to(file)

    for refused in (file, tmp_path / "link.ndjson"):
        arguments = ("--integration", "segment", "--refused", str(refused))
        ended = await command("import", str(file), *arguments)
        assert (ended.status, file.read_bytes()) == (2, content)
        assert "--refused must name another file" in ended.err


@pytest.mark.slow
async def test_an_import_that_was_killed_goes_on_and_sends_each_row_once(
    temporal: Client, running_worker: Settings, standin: StandIn, tmp_path: Path
) -> None:
    """Killed in the middle, run again by the same command."""
    rows = [track(number, properties={"number": number}) for number in range(MANY)]
    rows[12_345] = {"type": "track", "user_id": "u-12345"}
    file = write_rows(tmp_path / "events.ndjson", rows)
    environment = {
        **os.environ,
        "TEMPORAL_ADDRESS": temporal.service_client.config.target_host,
        "ANALYTICS_TASK_QUEUE": running_worker.task_queue,
    }
    command_line = (
        *(Path(sys.executable).with_name("durable-analytics"), "import", file),
        *("--integration", "segment", "--json"),
    )

    began = datetime.now(UTC)
    killed = await asyncio.create_subprocess_exec(*command_line, env=environment)
    while not len(delivered(standin)) > MANY / 4:  # the stand-in has no event
        assert killed.returncode is None
        await asyncio.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert await killed.wait() == -signal.SIGKILL
    assert len(delivered(standin)) < MANY - 1

    resumed = await asyncio.create_subprocess_exec(
        *command_line, env=environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await resumed.communicate()

    assert resumed.returncode == 1
    assert json.loads(out) == {
        "rows": MANY,
        "delivered": MANY - 1,
        "filtered": 0,
        "refused": 1,
        "errors": [
            {"line": 12_346, "type": "ValidationError", "message": "track.event is required"}
        ],
        "stopped": None,
        "dry_run": False,
    }
    # An attempt that a busy machine does not answer in time is repeated, with the same ids.
    ids = {
        (message["properties"]["number"], message["messageId"]) for message in delivered(standin)
    }
    assert Counter(number for number, _ in ids) == Counter({*range(MANY)} - {12_345})
    started = f"WorkflowType = 'Batch' AND StartTime >= '{began.isoformat()}'"
    await until_visible(temporal, started, MANY // 1_000)
    assert (await temporal.count_workflows(started)).count == MANY // 1_000


_MEASURE = """\
import os, resource, sys
from durable_analytics.cli._app import run
status = run(["import", sys.argv[1], "--integration", "segment", "--dry-run", "--json"])
print(status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.stderr.flush()
os._exit(status)
"""


@pytest.mark.slow
async def test_the_memory_of_an_import_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Twenty times as many rows need no more memory, within a few MiB."""

    async def peak_kib(rows: int) -> int:
        file = write_rows(tmp_path / f"{rows}.ndjson", map(track, range(rows)))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _MEASURE, file),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert json.loads(out)["delivered"] == rows
        status, peak = err.split()
        assert status == b"0"
        return int(peak)

    few, many = await peak_kib(5_000), await peak_kib(100_000)
    assert many - few < 10 * 1024
