"""Values in the lines and cells of a file: mended or refused as in any other input."""

import uuid
from contextlib import closing
from pathlib import Path

import pytest
from pydantic_core import from_json

from durable_analytics.file_import.columns import Columns
from durable_analytics.file_import.messages import ImportedMessage, MessageBuilder, RefusedRow
from durable_analytics.file_import.source import Source
from durable_analytics.wire.json_reasons import NOT_FINITE, TOO_MANY_DIGITS
from tests.support.json_objects import Json

TOO_DEEP = "is nested deeper than 100 levels"
LONG = "9" * 4301


def built(
    folder: Path, name: str, content: bytes, *, strict: bool = True
) -> list[ImportedMessage | RefusedRow]:
    """What becomes of each row of a file."""
    file = folder / name
    file.write_bytes(content)
    builder = MessageBuilder(Columns({}, [], "track"), uuid.uuid4(), strict=strict)
    with closing(Source(file)) as source:
        return [builder.build(row) for row in source.rows()]


def message_of(row: ImportedMessage | RefusedRow) -> Json:
    """The message of a row that is not refused."""
    assert isinstance(row, ImportedMessage)
    message: Json = from_json(row.content, allow_inf_nan=False)
    return message


def reason_of(row: ImportedMessage | RefusedRow) -> str:
    """Why a row is refused."""
    assert isinstance(row, RefusedRow)
    return row.message


def line(properties: str) -> bytes:
    """A line of NDJSON."""
    return b'{"user_id":"u-1","event":"E","properties":%b}\n' % properties.encode()


def cell(text: str, column: str = "properties") -> bytes:
    """A CSV file with one row."""
    return f'user_id,event,{column}\nu-1,E,"{text.replace(chr(34), chr(34) * 2)}"\n'.encode()


def test_half_of_a_surrogate_pair_in_a_line_is_mended(tmp_path: Path) -> None:
    """JavaScript writes it when it cuts a text."""
    (row,) = built(tmp_path, "a.ndjson", line(r'{"x": "\ud83d", "y": "\ud83d\ude00"}'))

    assert message_of(row)["properties"] == {"x": "\ufffd", "y": "😀"}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ('{"x": NaN}', f"track.properties.x {NOT_FINITE}"),
        ('{"x": [-Infinity]}', f"track.properties.x.0 {NOT_FINITE}"),
        ('{"x": 1e999}', f"track.properties.x {NOT_FINITE}"),
        (f'{{"x": {LONG}}}', f"properties.x {TOO_MANY_DIGITS}"),
        (f'{{"x": {"[" * 50_000}{"]" * 50_000}}}', f"properties {TOO_DEEP}"),
        (f'{{"x": {"[" * 150}{"]" * 150}}}', f"track.properties {TOO_DEEP}"),
    ],
    ids=["NaN", "infinity", "large float", "digits", "50,000 levels", "150 levels"],
)
def test_the_wrong_value_of_a_line_is_named(
    tmp_path: Path, properties: str, reason: str, strict: bool
) -> None:
    """The line is JSON, and the other lines are delivered."""
    content = line("{}") + line(properties)

    first, second = built(tmp_path, "a.ndjson", content, strict=strict)

    assert message_of(first)["properties"] == {}
    assert (reason_of(second), getattr(second, "line", None)) == (reason, 2)


def test_a_context_with_nan_is_refused(tmp_path: Path) -> None:
    content = b'{"user_id":"u-1","event":"E","context":{"a":NaN}}\n'

    (row,) = built(tmp_path, "a.ndjson", content)

    assert reason_of(row) == f"context.a {NOT_FINITE}"


def test_a_text_that_looks_like_nan_is_a_text(tmp_path: Path) -> None:
    (row,) = built(tmp_path, "a.ndjson", line('{"x": "NaN Infinity"}'))

    assert message_of(row)["properties"] == {"x": "NaN Infinity"}


def test_the_place_in_a_line_that_is_not_json(tmp_path: Path) -> None:
    """The number of the line is that of the file, so only the column follows."""
    content = b'{"user_id" "u-1"}\n[\n' + "{}\n".encode("utf-16-be")

    rows = built(tmp_path, "a.ndjson", content)

    assert [reason_of(row) for row in rows] == [
        f"the line is not valid JSON: {reason}; each line must be one object"
        for reason in (
            "expected `:` at column 12",
            "EOF while parsing a list at column 1",
            "it must be UTF-8 without a byte-order mark, but it is UTF-16",
        )
    ]


def test_half_of_a_surrogate_pair_in_a_cell_is_mended(tmp_path: Path) -> None:
    content = cell(r'{"x": ["\ud83d"]}')

    (row,) = built(tmp_path, "a.csv", content)

    assert message_of(row)["properties"] == {"x": ["\ufffd"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"x": NaN}', f"properties.a.x {NOT_FINITE}"),
        ("[1, NaN]", f"properties.a.1 {NOT_FINITE}"),
        ("[1e999]", f"track.properties.a.0 {NOT_FINITE}"),
        (f'{{"x": {LONG}, "y": NaN}}', f"properties.a.x {TOO_MANY_DIGITS}"),
        ("[" * 50_000 + "]" * 50_000, f"properties.a {TOO_DEEP}"),
    ],
    ids=["NaN in an object", "NaN in a list", "large float", "two values", "50,000 levels"],
)
def test_the_wrong_value_of_a_cell_is_named(tmp_path: Path, text: str, reason: str) -> None:
    """It became text, although others of its column are objects."""
    (row,) = built(tmp_path, "a.csv", cell(text, "properties.a"))

    assert reason_of(row).split("; ")[0] == reason


@pytest.mark.parametrize("text", ["[draft] of a title", "{name}", "[", '{"x": 1', "[1] [2]"])
def test_a_cell_that_is_not_json_is_text(tmp_path: Path, text: str) -> None:
    (row,) = built(tmp_path, "a.csv", cell(text, "properties.a"))

    assert message_of(row)["properties"] == {"a": text}
