"""`import`: the rows of CSV, Parquet and compressed files."""

import csv
import gzip
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from durable_analytics.testing import StandIn
from tests.support.command import Command
from tests.support.imported_files import delivered, track


async def test_columns_of_csv_are_paths_or_are_mapped(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """Numbers, booleans and JSON are read where a field may have them; an empty cell is not set."""
    file = tmp_path / "events.csv"
    with file.open("w", newline="", encoding="utf-8-sig") as opened:
        csv.writer(opened).writerows(
            [
                [
                    *("uid", "event", "properties.plan", "properties.seats", "properties.zip"),
                    *("trial", "tags", "traits", "internal", "sent"),
                ],
                [
                    *("7", "Signed,\nUp", "pro", "5", "01234"),
                    *("true", "[1]", '{"a": 1}', "x", "2026-01-31T09:30:00Z"),
                ],
                ["0042", "E", "", "19.90", "99999", "no", "", "", "", ""],
            ]
        )
    ended = await command(
        *("import", str(file), "--integration", "segment", "--method", "track", "--json"),
        *("--map", "uid=user_id", "--map", "trial=properties.trial", "--map", "internal="),
        *("--map", "tags=properties.tags", "--map", "sent=timestamp", "--text", "properties.zip"),
    )

    assert (ended.status, ended.json["delivered"]) == (0, 2)
    first, second = delivered(standin)
    assert (first["userId"], first["event"]) == ("7", "Signed,\nUp")
    assert first["properties"] == {
        "plan": "pro",
        "seats": 5,
        "zip": "01234",
        "trial": True,
        "tags": [1],
    }
    assert (first["context"]["traits"], first["timestamp"]) == ({"a": 1}, "2026-01-31T09:30:00Z")
    assert (second["userId"], second["properties"]) == (
        "0042",
        {"seats": 19.9, "zip": "99999", "trial": "no"},
    )


@pytest.mark.parametrize(
    ("header", "cells", "problem"),
    [
        ("user_id,event,properties,properties.a", "u,E,{},1", None),
        ("user_id,event,properties.a,properties", 'u,E,1,"{""b"": 2}"', None),
        ("user_id,event,properties.a,properties", 'u,E,1,"{""a"": 2}"', "properties is set by two"),
        ("user_id,event,properties,properties.a", "u,E,x,1", "properties.a is below a column that"),
        ("user_id,event,userId", "u,E,v", "user_id is set twice, as user_id and as userId"),
    ],
)
async def test_columns_of_one_object_are_merged_or_refused(
    command: Command, tmp_path: Path, header: str, cells: str, problem: str | None
) -> None:
    """Nothing is overwritten."""
    file = tmp_path / "events.csv"
    file.write_text(f"{header}\n{cells}\n")
    ended = await command(
        *("import", str(file), "--integration", "segment", "--method", "track"),
        *("--json", "--dry-run"),
    )

    messages = [error["message"] for error in ended.json["errors"]]
    assert len(messages) == (problem is not None)
    assert problem is None or messages[0].startswith(problem)


async def test_bad_rows_of_csv_have_the_number_of_their_first_line(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """Also after a cell with line ends."""
    file = tmp_path / "events.csv"
    file.write_bytes(
        b'user_id,event\n"u-1","a\nb"\nu-2\nu-3,E,more\n\nu-4,\xff\nu-5,E\n"u-6"x,E\nu-7,E\n"u-8,E\nu-9,E\n'
    )
    ended = await command(
        *("import", str(file), "--integration", "segment", "--method", "track", "--json")
    )

    errors = {error["line"]: error["message"] for error in ended.json["errors"]}
    assert errors == {
        4: "has 1 cells; the header has 2",
        5: "has 3 cells; the header has 2",
        7: "is not UTF-8: save the file in this encoding",
        9: "is not CSV: ',' expected after '\"'",
        11: "is not CSV in lines 11 to 12: unexpected end of data",
    }
    assert [message["userId"] for message in delivered(standin)] == ["u-1", "u-5", "u-7"]


async def test_rows_of_parquet_have_nested_columns_and_times(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """Null is not set, in nested columns too."""
    rows = [
        {
            "user_id": number,
            "event": "E" if number != 2 else None,
            "timestamp": datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
            "properties": {"price": Decimal("19.90"), "coupon": None, "tags": ["a"]},
            "traits.plan": "pro",
        }
        for number in (1, 2, 3)
    ]
    file = tmp_path / "events.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file)

    ended = await command(
        *("import", str(file), "--integration", "segment", "--method", "track", "--json")
    )

    assert ended.json["errors"] == [
        {"line": 2, "type": "ValidationError", "message": "track.event is required"}
    ]
    first, last = delivered(standin)
    assert (first["userId"], last["userId"]) == ("1", "3")
    assert first["properties"] == {"price": 19.9, "tags": ["a"]}
    assert first["context"]["traits"] == {"plan": "pro"}
    assert first["timestamp"] == "2026-01-31T09:30:00+00:00"


async def test_columns_of_parquet_are_mapped(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """One that the file does not have is an error before anything is sent."""
    file = tmp_path / "events.parquet"
    pq.write_table(pa.Table.from_pylist([{"id": "u-1", "event": "E", "plan": {"a": 1}}]), file)
    arguments = ("import", str(file), "--integration", "segment", "--method", "track")
    mapped = ("--map", "id=user_id", "--map", "plan=properties.plan")

    wrong = await command(*arguments, *mapped, "--map", "ids=user_id")
    right = await command(*arguments, *mapped)

    assert wrong.status == 2
    assert "--map ids: the file has no such column; it has id, event, plan" in wrong.err
    assert (right.status, right.out) == (0, "1 rows: 1 delivered, 0 refused\n")
    (message,) = delivered(standin)
    assert (message["userId"], message["properties"]) == ("u-1", {"plan": {"a": 1}})


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
async def test_compressed_files_are_read(
    command: Command, standin: StandIn, tmp_path: Path, compress: Any
) -> None:
    """By their first bytes; a file that is cut delivers what is before the cut, and fails."""
    content = b"".join(json.dumps(track(number)).encode() + b"\n" for number in range(30))
    suffix = "gz" if compress is gzip.compress else "zst"
    file = tmp_path / f"events.ndjson.{suffix}"
    file.write_bytes(compress(content))

    ended = await command("import", str(file), "--integration", "segment", "--json")
    assert (ended.status, ended.json["delivered"]) == (0, 30)
    assert len({message["messageId"] for message in delivered(standin)}) == 30

    if suffix == "gz":
        file.write_bytes(compress(content)[:-20])
        cut = await command("import", str(file), "--integration", "segment", "--json")
        assert cut.status == 1
        assert "cannot be read after line" in cut.err
        assert cut.json["stopped"] in cut.err
        assert cut.json["delivered"] == cut.json["rows"]


async def test_without_pyarrow_the_error_says_what_to_install(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else needs it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    file = tmp_path / "events.parquet"
    file.write_bytes(b"PAR1")
    ended = await command("import", str(file), "--integration", "segment")

    assert ended.status == 1
    assert "Parquet needs the package pyarrow: install durable-analytics[cli,parquet]" in ended.err
