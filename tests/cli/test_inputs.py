"""Files with inputs: what is read, and one line for what cannot be."""

from pathlib import Path

import pytest
import typer

from durable_analytics.cli._inputs import read_file

NOT_JSON = " is not valid JSON"
TRACK = b'{"track": {"user_id": "u-1", "event": "E"}}'


def test_a_byte_order_mark(tmp_path: Path) -> None:
    """It is not a part of the JSON."""
    file = tmp_path / "input.json"
    file.write_bytes(b"\xef\xbb\xbf" + TRACK)

    assert read_file(file).data == {"track": {"user_id": "u-1", "event": "E"}}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[" * 500_000, f"{NOT_JSON}: a bracket is not closed at column 500001"),
        (TRACK + b" " * 2_000_000, " has more than 1966080 bytes"),
        (b"", " is empty: it must be one JSON object"),
        (TRACK[:-1] + b"\n", f"{NOT_JSON}: EOF while parsing an object at column 42"),
        (
            b'{\n  "track": {"user_id": "\xc3\xa9",}\n}',
            f"{NOT_JSON}: trailing comma at line 2 column 28",
        ),
        (
            b"\xff\xfe",
            f"{NOT_JSON}: it must be UTF-8 without a byte-order mark, but it is UTF-16",
        ),
        (
            b'{"track": {"user_id": "u-1", "n": %b}}' % (b"9" * 5000),
            ": track.n is a number with more than 4300 digits: send another value",
        ),
        (b'{"track": {"event": "\xff"}}', ": track contains bytes that are not UTF-8"),
    ],
)
def test_what_is_no_input(tmp_path: Path, content: bytes, problem: str) -> None:
    """The line names the file."""
    file = tmp_path / "input.json"
    file.write_bytes(content)

    with pytest.raises(typer.BadParameter) as raised:
        read_file(file)

    assert raised.value.message == f"{file}{problem}"


def test_a_device_without_an_end() -> None:
    """No more than the largest input is read."""
    with pytest.raises(typer.BadParameter) as raised:
        read_file(Path("/dev/zero"))

    assert raised.value.message == "/dev/zero has more than 1966080 bytes"
