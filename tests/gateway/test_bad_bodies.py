"""Invalid bodies get an error response with a reason, and the gateway continues to work."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from durable_analytics.testing import StandIn
from tests.support.gateway_messages import (
    AUTH,
    arrived,
    assert_accepts_messages,
    error_message,
    good,
)


def nested(levels: int) -> bytes:
    """Return a message with nested properties."""
    deep = b'{"a":' * levels + b"1" + b"}" * levels
    return b'{"type":"track","userId":"u-1","event":"E","properties":%b}' % deep


EMPTY = "the body is empty: send one JSON object"
NOT_JSON = "the body is not valid JSON in UTF-8"
NOT_UTF8 = "userId contains bytes that are not UTF-8"
NO_OBJECT = "the body must be one JSON object"
TOO_DEEP = "nested deeper than"
NOT_FINITE = "properties.n is not a finite number"

BODIES = {
    "nothing": (b"", EMPTY),
    "white space": (b" \r\n\t", EMPTY),
    "a byte order mark alone": (b"\xef\xbb\xbf", EMPTY),
    "a form": (b"userId=u-1&event=E", NOT_JSON),
    "cut off": (b'{"userId":"u-1","event":"E"', NOT_JSON),
    "two objects": (b"{}{}", NOT_JSON),
    "single quotes": (b"{'userId':'u-1'}", NOT_JSON),
    "a list": (b"[]", NO_OBJECT),
    "text": (b'"u-1"', NO_OBJECT),
    "a number": (b"1", NO_OBJECT),
    "null": (b"null", NO_OBJECT),
    "true": (b"true", NO_OBJECT),
    "a raw NUL": (b'{"userId":"u-\x001","event":"E"}', NOT_JSON),
    "NULs alone": (b"\x00" * 1000, NOT_JSON),
    "invalid UTF-8": (b'{"userId":"\xff\xfe","event":"E"}', NOT_UTF8),
    "a surrogate in UTF-8": (b'{"userId":"\xed\xa0\x80","event":"E"}', NOT_UTF8),
    "UTF-16": ('{"userId":"u-1","event":"E"}'.encode("utf-16"), NOT_JSON),
    "no number": (b'{"userId":"u-1","event":"E","properties":{"n":NaN}}', NOT_FINITE),
    "infinity": (b'{"userId":"u-1","event":"E","properties":{"n":-Infinity}}', NOT_FINITE),
    "infinity beside half a pair": (
        b'{"userId":"\\ud800","properties":{"n":Infinity}}',
        NOT_FINITE,
    ),
    "too large a number": (b'{"userId":"u-1","properties":{"n":1e400}}', NOT_FINITE),
    "a number of 5000 digits": (
        b'{"userId":"u-1","n":%b}' % (b"9" * 5000),
        "n is a number with more than 4300 digits",
    ),
    "100 levels": (nested(100), TOO_DEEP),
    "1000 levels": (nested(1000), TOO_DEEP),
    "30000 open brackets": (b"[" * 30_000, NOT_JSON),
    "1000 levels beside half a pair": (b'{"userId":"\\ud800","a":%b}' % nested(1000), TOO_DEEP),
}


@pytest.mark.parametrize(("body", "message"), BODIES.values(), ids=BODIES)
async def test_invalid_body_is_rejected_with_a_reason(
    http: httpx.AsyncClient, standin: StandIn, body: bytes, message: str
) -> None:
    """The status is 400."""
    response = await http.post("/v1/track", content=body, auth=AUTH)

    assert response.status_code == 400
    assert message in error_message(response)
    await assert_accepts_messages(http, standin)


LIST = "batch must be a list of messages"
BATCHES = {
    "no list": (b"{}", LIST),
    "null": (b'{"batch":null}', LIST),
    "an object": (b'{"batch":{"0":{}}}', LIST),
    "text": (b'{"batch":"[]"}', LIST),
    "a number": (b'{"batch":1}', LIST),
    "a nested context": (b'{"batch":[],"context":%b}' % nested(100), "context.properties is "),
    "infinity for the context": (b'{"batch":[],"context":1e400}', "context is not a finite"),
    "infinity in the context": (b'{"batch":[],"context":{"n":1e400}}', "context.n is not a finite"),
    "no switches": (b'{"batch":[],"integrations":false}', "integrations must be an object"),
    "a list of switches": (b'{"batch":[],"integrations":["All"]}', "integrations must be"),
}


@pytest.mark.parametrize(("body", "message"), BATCHES.values(), ids=BATCHES)
async def test_invalid_batch_is_rejected_with_a_reason(
    http: httpx.AsyncClient, standin: StandIn, body: bytes, message: str
) -> None:
    """The status is 400."""
    response = await http.post("/v1/batch", content=body, auth=AUTH)

    assert response.status_code == 400
    assert message in error_message(response)
    await assert_accepts_messages(http, standin)


def bomb(encoding: int) -> bytes:
    """Return a small body that decompresses to 300 MB."""
    packing = zlib.compressobj(9, zlib.DEFLATED, encoding)
    zeros = bytes(1_000_000)
    return b"".join([*(packing.compress(zeros) for _ in range(300)), packing.flush()])


_GZIP = zlib.MAX_WBITS | 16
WHOLE = gzip.compress(b'{"batch":[]}')
PACKED = {
    "not gzip": (
        "gzip",
        b'{"batch":[]}',
        400,
        "is not gzip, though the Content-Encoding header says so",
    ),
    "not deflate": (
        "deflate",
        b'{"batch":[]}',
        400,
        "is not deflate, though the Content-Encoding header says so",
    ),
    "no byte": ("gzip", b"", 400, "must be complete gzip data"),
    "cut off": ("gzip", WHOLE[:-5], 400, "must be complete gzip data"),
    "more after it": ("gzip", WHOLE + b"more", 400, "must be complete gzip data"),
    "wrong checksum": (
        "gzip",
        WHOLE[:-8] + bytes(8),
        400,
        "is not gzip, though the Content-Encoding header says so",
    ),
    "a bomb": ("gzip", bomb(_GZIP), 413, "the decompressed body is larger than 512000 bytes"),
    "a bomb of zlib": ("deflate", bomb(zlib.MAX_WBITS), 413, "the decompressed body is larger"),
    "unknown": ("br", WHOLE, 415, "the content encoding is not supported: send gzip"),
    "two in one": ("gzip, gzip", WHOLE, 415, "the content encoding is not supported"),
}


@pytest.mark.parametrize(
    ("encoding", "body", "status", "message"), PACKED.values(), ids=[f"packed: {k}" for k in PACKED]
)
async def test_invalid_compression_is_rejected(
    http: httpx.AsyncClient,
    standin: StandIn,
    encoding: str,
    body: bytes,
    status: int,
    message: str,
) -> None:
    """Wrong or unsupported encodings, and data that exceeds the limit when decompressed."""
    assert len(body) < 500 * 1024
    response = await http.post(
        "/v1/batch", content=body, auth=AUTH, headers={"Content-Encoding": encoding}
    )

    assert response.status_code == status
    assert message in error_message(response)
    assert response.headers.get("Accept-Encoding") == ("gzip, deflate" if status == 415 else None)
    await assert_accepts_messages(http, standin)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)],
)
async def test_compressed_batch_is_delivered(
    http: httpx.AsyncClient, standin: StandIn, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    """With gzip, and with deflate as HTTP defines it."""
    message = good()
    body = pack(json.dumps({"batch": [message]}).encode())
    response = await http.post(
        "/v1/batch", content=body, auth=AUTH, headers={"Content-Encoding": encoding}
    )

    assert response.status_code == 200
    await arrived(standin, [message["messageId"]])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\ud83d", "\N{REPLACEMENT CHARACTER}"),
        (r"\uDE00", "\N{REPLACEMENT CHARACTER}"),
        (r"a\ud83db", "a\N{REPLACEMENT CHARACTER}b"),
        (r"\ud83d\ud83d\ude00", "\N{REPLACEMENT CHARACTER}\N{GRINNING FACE}"),
        (r"\u0000", "\0"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
async def test_unpaired_surrogates_are_replaced(
    http: httpx.AsyncClient, standin: StandIn, path: str, written: str, meant: str
) -> None:
    """JavaScript produces them when it cuts a string. NUL is kept."""
    message = {**good(), "event": "@", "properties": {"@": "@"}}
    body = {"batch": [message]} if path == "/v1/batch" else message
    content = json.dumps(body).replace("@", written)

    response = await http.post(path, content=content, auth=AUTH)

    assert response.status_code == 200
    (received,) = await arrived(standin, [message["messageId"]])
    assert (received["event"], received["properties"]) == (meant, {meant: meant})


SIZE = 100_000_000


async def pieces() -> AsyncIterator[bytes]:
    """A large body without a declared size."""
    for _ in range(1000):
        yield b" " * (SIZE // 1000)


@pytest.mark.parametrize("auth", [AUTH, ("", "")], ids=["key in the headers", "key in the body"])
@pytest.mark.parametrize("body", [lambda: bytes(SIZE), pieces], ids=["declared", "chunked"])
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
async def test_oversized_body_gets_413(
    http: httpx.AsyncClient,
    standin: StandIn,
    path: str,
    body: Callable[[], bytes | AsyncIterator[bytes]],
    auth: tuple[str, str],
) -> None:
    """The client gets the response, not a broken connection."""
    response = await http.post(path, content=body(), auth=auth)

    assert response.status_code == 413
    limit = 32 * 1024 if auth == AUTH and path == "/v1/track" else 500 * 1024
    assert error_message(response) == f"the body is larger than {limit} bytes: send less at once"
    await assert_accepts_messages(http, standin)
