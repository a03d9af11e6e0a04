"""What an error says about a body that is not JSON: where it ends to be JSON, never its content."""

import random
import re

import pytest

from durable_analytics.errors import ValidationError
from durable_analytics.wire.decoding import decode_json

SECRET = "s3cr3t"
TEXT = f'{{"a": [1, true, null, "{SECRET}é", {{"{SECRET}": "\\ud83d", "n": 1.5e3}}],\n "b": {{}}}}'
PLACE = re.compile(r"the input is not valid JSON: .* at (line \d+ )?column \d+")


def reason(body: bytes) -> str:
    """Why a body is refused; empty if it is not."""
    try:
        decode_json(body)
    except ValidationError as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"é": x}', "expected value at column 7"),
        ('{"a": 1,\n "é": "ü" x}', "expected `,` or `}` at line 2 column 11"),
        ('{"a": "\\ud83d", "b": }', "expected value at column 22"),
        ('{"a": %s, "b": }' % ("9" * 4301), "syntax error at column 4315"),
        ('{"a": %s, "b": }' % ("[" * 150 + "]" * 150), "expected value at column 314"),
        ('{"a": 1}\n\n', ""),
        ('{"a": 1\n\n', "EOF while parsing an object at column 7"),
    ],
)
def test_the_place_is_that_of_the_first_error(body: str, place: str) -> None:
    """In characters; what is only refused by a rule of ours is not the reason."""
    assert reason(body.encode()) == (f"the input is not valid JSON: {place}" if place else "")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_another_encoding_is_named(encoding: str) -> None:
    assert reason(' {"a": "é"}'.encode(encoding)) == (
        "the input is not valid JSON: it must be UTF-8 without a byte-order mark, "
        f"but it is {encoding[:6].upper()}"
    )


def test_no_content_is_repeated() -> None:
    """Whatever is cut, replaced or added: the input may be personal data."""
    generator = random.Random(7)  # noqa: S311  # repeatable, not secret
    noise = ['"', "\\", "{", "}", "[", "]", ":", ",", "NaN", "1e", SECRET, "\x01", "\\u12"]
    for _ in range(5000):
        start, end = sorted(generator.sample(range(len(TEXT)), 2))
        body = (TEXT[:start] + generator.choice(noise) + TEXT[end:]).encode()
        body = body.replace(b"\xc3", generator.choice([b"\xc3", b"\xff"]))
        message = reason(body)
        if "is not valid JSON" in message:
            assert PLACE.fullmatch(message), message
            assert SECRET not in message
