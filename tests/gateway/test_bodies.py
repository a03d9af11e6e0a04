"""Bodies are read, decompressed and parsed within limits."""

import gzip
import json
import threading
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from durable_analytics.wire.json_reader import Unreadable
from gateway.bodies import parse_object_inline, read_body, run_sized
from gateway.errors import RequestError


def request(*pieces: bytes, headers: Mapping[str, str] | None = None) -> Request:
    """Return a request whose body arrives in these pieces."""
    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]

    async def messages() -> AsyncIterator[Message]:
        for index, piece in enumerate(pieces):
            is_last = index == len(pieces) - 1
            yield {"type": "http.request", "body": piece, "more_body": not is_last}

    return Request({"type": "http", "method": "POST", "headers": raw}, messages().__anext__)


@pytest.mark.parametrize("pieces", [(b"",), (b"{}",), (b"{", b"", b"}")])
async def test_chunked_body_is_read_to_its_end(pieces: tuple[bytes, ...]) -> None:
    """Up to the limit."""
    assert await read_body(request(*pieces), 2) == b"".join(pieces)


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Length": "3"}, {"Content-Length": "2"}, {"Content-Length": "x"}]
)
async def test_body_over_the_limit_gets_413(headers: dict[str, str]) -> None:
    """Whatever length is declared."""
    with pytest.raises(RequestError, match="the body is larger than 2 bytes") as refused:
        await read_body(request(b"{", b"}", b" ", headers=headers), 2)

    assert refused.value.status == 413


@pytest.mark.parametrize("encoding", ["", "identity", "IDENTITY", " identity "])
async def test_uncompressed_body_is_returned_unchanged(encoding: str) -> None:
    """With an empty encoding, or with identity."""
    body = await read_body(request(b"{}", headers={"Content-Encoding": encoding}), 2)

    assert body == b"{}"


@pytest.mark.parametrize("encoding", ["gzip", "GZip", "x-gzip", "deflate", " gzip "])
@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_compressed_body_is_decompressed(encoding: str, pack: Any) -> None:
    """The format is detected from the data, whichever encoding is declared."""
    body = await read_body(request(pack(b" " * 1000), headers={"Content-Encoding": encoding}), 1000)

    assert body == b" " * 1000


async def test_decompression_stops_at_the_limit() -> None:
    """The status is 413."""
    packed = gzip.compress(b" " * 1001)

    with pytest.raises(
        RequestError, match="the decompressed body is larger than 1000 bytes"
    ) as refused:
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
def test_json_object_is_parsed(text: str) -> None:
    """With the same result as Python's parser."""
    assert parse_object_inline(text.encode()) == json.loads(text)


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
def test_unpaired_surrogate_becomes_replacement_character(text: str, meant: Any) -> None:
    """Everything beside it is kept."""
    assert parse_object_inline(text.encode()) == meant


@pytest.mark.parametrize("levels", [150, 250, 100_000])
@pytest.mark.parametrize("leaf", ["1", r'"\ud800"'])
def test_deep_nesting_is_marked_unreadable(levels: int, leaf: str) -> None:
    """If the fast parser cannot read it."""
    text = '{"a":' + "[" * levels + leaf + "]" * levels + ',"b":1}'

    body = parse_object_inline(text.encode())

    assert (list(body), body["b"]) == (["a", "b"], 1)
    if levels > 200:
        assert isinstance(body["a"], Unreadable)
        assert body["a"].problem.message == "is nested deeper than 100 levels"


@pytest.mark.parametrize(("size", "is_elsewhere"), [(100, False), (1_000_000, True)])
async def test_large_bodies_are_processed_in_a_thread(size: int, is_elsewhere: bool) -> None:
    """The event loop must serve other requests meanwhile."""
    thread = await run_sized(size, threading.get_ident)

    assert (thread != threading.get_ident()) == is_elsewhere
