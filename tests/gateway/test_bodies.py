"""A body is read within its limit of size and time, unpacked within the same, and mended."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from gateway.bodies import read_body, read_object
from gateway.refusals import Refusal


def request(*pieces: bytes, headers: Mapping[str, str] | None = None) -> Request:
    """A request whose body comes in these pieces."""
    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]

    async def messages() -> AsyncIterator[Message]:
        for index, piece in enumerate(pieces):
            is_last = index == len(pieces) - 1
            yield {"type": "http.request", "body": piece, "more_body": not is_last}

    return Request({"type": "http", "method": "POST", "headers": raw}, messages().__anext__)


@pytest.mark.parametrize("pieces", [(b"",), (b"{}",), (b"{", b"", b"}")])
async def test_a_body_in_pieces(pieces: tuple[bytes, ...]) -> None:
    """It is read to its end, up to the limit."""
    assert await read_body(request(*pieces), 2) == b"".join(pieces)


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Length": "3"}, {"Content-Length": "2"}, {"Content-Length": "x"}]
)
async def test_a_body_over_the_limit(headers: dict[str, str]) -> None:
    """413, whatever its length is said to be."""
    with pytest.raises(Refusal, match="the body is larger than 2 bytes") as refused:
        await read_body(request(b"{", b"}", b" ", headers=headers), 2)

    assert refused.value.status == 413


@pytest.mark.parametrize("encoding", ["", "identity", "IDENTITY", " identity "])
async def test_no_packing(encoding: str) -> None:
    """The body as it is."""
    body = await read_body(request(b"{}", headers={"Content-Encoding": encoding}), 2)

    assert body == b"{}"


@pytest.mark.parametrize("encoding", ["gzip", "GZip", "x-gzip", "deflate", " gzip "])
@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_a_packing(encoding: str, pack: Any) -> None:
    """Which of the two it is, its first bytes say better than its sender."""
    body = await read_body(request(pack(b" " * 1000), headers={"Content-Encoding": encoding}), 1000)

    assert body == b" " * 1000


async def test_a_packing_over_the_limit() -> None:
    """No more is unpacked than the limit."""
    packed = gzip.compress(b" " * 1001)

    with pytest.raises(Refusal, match="the unpacked body is larger than 1000 bytes") as refused:
        await read_body(request(packed, headers={"Content-Encoding": "gzip"}), 1000)

    assert refused.value.status == 413


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1}',
        ' \n{"a": [null, true, 1.5, -0.0, 1e3, "\\u00e9\\ud83d\\ude00"]} ',
        '{"a":1,"a":2}',
    ],
)
def test_an_object(text: str) -> None:
    """As Python's own reader has it."""
    assert read_object(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (r'{"\ud800":"\udfff"}', {"\ufffd": "\ufffd"}),
        (r'{"a":"\uD83D\uDE00\uD83D"}', {"a": "\U0001f600\ufffd"}),
        (
            r'{"a":["\ud800",12345678901234567890,1.5,null,"é"]}',
            {"a": ["\ufffd", 12345678901234567890, 1.5, None, "é"]},
        ),
        (r'{"a":"\\ud800"}', {"a": r"\ud800"}),
    ],
)
def test_half_a_pair(text: str, meant: Any) -> None:
    """It becomes U+FFFD; all beside it stays as it is."""
    assert read_object(text.encode()) == meant


@pytest.mark.parametrize("levels", [150, 250, 100_000])
@pytest.mark.parametrize("leaf", ["1", r'"\ud800"'])
def test_depth(levels: int, leaf: str) -> None:
    """Up to what the reader can do, and no crash beyond."""
    text = '{"a":' + "[" * levels + leaf + "]" * levels + "}"

    if levels < 200:
        assert list(read_object(text.encode())) == ["a"]
    else:
        with pytest.raises(Refusal, match="nested deeper than 200 levels"):
            read_object(text.encode())
