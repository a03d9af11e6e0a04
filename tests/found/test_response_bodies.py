"""Nothing of a response is unpacked beyond what is kept, and whatever can be read is read."""

import codecs
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zstandard

from activities.http import HttpClient
from activities.http_send import TIMEOUT, send
from activities.responses import RESPONSE_LIMIT_BYTES, as_response, json_size
from durable_analytics.providers import HttpRequest, HttpResponse
from durable_analytics.providers.segment import Segment
from durable_analytics.providers.trakio import Trakio
from tests.found.providers import closing_after, raw_provider

SEGMENT = Segment.model_validate({"write_key": "segment-write-key"})
FAILED = b'{"success": false}'
MEGABYTES = 200


def packed(compressor: Any) -> bytes:
    """Zeros that make a few kilobytes of so many megabytes."""
    zeros = bytes(1024 * 1024)
    return b"".join([*(compressor.compress(zeros) for _ in range(MEGABYTES)), compressor.flush()])


@cache
def gzipped() -> bytes:
    """In gzip."""
    return packed(zlib.compressobj(9, zlib.DEFLATED, 31))


@cache
def raw_deflate() -> bytes:
    """In deflate, without zlib's head."""
    return packed(zlib.compressobj(9, zlib.DEFLATED, -15))


@cache
def zstd(window_log: int = 21) -> bytes:
    """In zstd, with a window of so many bits."""
    options = zstandard.ZstdCompressionParameters.from_level(3, window_log=window_log)
    return packed(zstandard.ZstdCompressor(compression_params=options).compressobj())


async def answered(*head: str, body: bytes, deadline: Any = TIMEOUT) -> HttpResponse:
    """Send a request that is answered so."""
    lines = ["HTTP/1.1 200 OK", *head, f"Content-Length: {len(body)}", "", ""]
    async with raw_provider(closing_after("\r\n".join(lines).encode() + body)) as provider:
        client = HttpClient.of_settings(proxy=None, ca_bundle=None, max_in_flight=1)
        request = HttpRequest("POST", f"http://127.0.0.1:{provider.port}/", {})
        try:
            return await send(client, SEGMENT, request, delivery_id="m-1", deadline=deadline)
        finally:
            await client.aclose()


def resident_megabytes() -> float:
    """The memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1024 / 1024


@asynccontextmanager
async def little_memory() -> AsyncIterator[None]:
    """Not much more of it than before."""
    before = resident_megabytes()
    yield
    assert resident_megabytes() - before < 50


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.parametrize(
    ("codings", "make"),
    [
        ("gzip", gzipped),
        ("x-gzip", gzipped),
        ("deflate", raw_deflate),
        ("deflate", lambda: packed(zlib.compressobj(9))),
        ("zstd", zstd),
        ("gzip, gzip", lambda: gzip.compress(gzipped())),
        ("zstd, gzip", lambda: gzip.compress(zstd())),
        ("GZIP,  zstd", lambda: zstandard.compress(gzipped())),
        ("gzip, gzip, gzip", lambda: gzip.compress(gzip.compress(gzipped()))),
    ],
)
async def test_a_response_that_unpacks_to_hundreds_of_megabytes(
    codings: str, make: Callable[[], bytes]
) -> None:
    """1 MiB of it is unpacked."""
    body = make()
    async with little_memory():
        answer = await answered(f"Content-Encoding: {codings}", body=body)

    assert (answer.status_code, answer.truncated) == (200, True)
    assert set(answer.body) == {"\0"}
    assert len(answer.body) == 1024 * 1024


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.parametrize(
    ("codings", "make"),
    [
        ("zstd", lambda: zstd(30)),
        ("br", lambda: b"\x5b" * 10_000),
        ("gzip, br", gzipped),
        ("gzip, gzip, gzip, gzip", gzipped),
        ("gzip", lambda: gzip.compress(b"") * 5_000),
        ("compress", gzipped),
        ("gzip", lambda: b"not gzip"),
        ("zstd", lambda: b"not zstd"),
    ],
)
async def test_a_response_that_is_not_unpacked(codings: str, make: Callable[[], bytes]) -> None:
    """The status counts, and the kept header says why there is no body."""
    body = make()
    async with little_memory():
        answer = await answered(f"Content-Encoding: {codings}", body=body)

    assert (answer.status_code, answer.body, answer.truncated) == (200, "", True)
    assert answer.headers == {"content-encoding": codings}


@pytest.mark.parametrize(
    ("codings", "body"),
    [
        ("gzip", gzip.compress(FAILED, mtime=0)),
        ("gzip", gzip.compress(FAILED[:5], mtime=0) + gzip.compress(FAILED[5:], mtime=0)),
        ("gzip", gzip.compress(FAILED, mtime=0) + b"\0\0"),
        ("gzip", gzip.compress(FAILED[:5], mtime=0) + b"\0\0" + gzip.compress(FAILED[5:], mtime=0)),
        ("gzip", gzip.compress(FAILED, mtime=0) + b"xx"),
        ("gzip;q=1", gzip.compress(FAILED, mtime=0)),
        ("identity;q=0.5, GZIP ; q=1", gzip.compress(FAILED, mtime=0)),
        ("deflate", zlib.compress(FAILED)),
        ("deflate", zlib.compress(FAILED)[2:-4]),
        ("zstd", zstandard.compress(FAILED)),
        ("zstd", zstandard.compress(FAILED[:5]) + zstandard.compress(FAILED[5:])),
        ("identity", FAILED),
        ("", FAILED),
        ("gzip, identity, zstd", zstandard.compress(gzip.compress(FAILED, mtime=0))),
        ("gzip", FAILED),
    ],
)
async def test_a_failure_in_a_coded_body_is_seen(codings: str, body: bytes) -> None:
    """Though the request asked for none; also where only the header was left of the coding."""
    answer = await answered(f"Content-Encoding: {codings}", body=body)

    assert (answer.body, answer.truncated) == ({"success": False}, False)
    assert SEGMENT.classify(answer) is not None
    assert answer.headers == {}


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(FAILED, mtime=0)),
        ("deflate", zlib.compress(FAILED)),
        ("zstd", zstandard.ZstdCompressor(write_checksum=True).compress(FAILED)),
    ],
)
async def test_a_failure_in_a_coded_body_without_its_checksum_is_seen(
    coding: str, body: bytes
) -> None:
    """All of the JSON is there."""
    answer = await answered(f"Content-Encoding: {coding}", body=body[:-4])

    assert answer.body == {"success": False}
    assert SEGMENT.classify(answer) is not None


@pytest.mark.parametrize("content", [b"1234", b'{"success": fal', b'{"success": "no'])
async def test_a_part_of_json_is_text(content: bytes) -> None:
    """A number may go on; so it is not taken for the whole body."""
    answer = await answered("Content-Encoding: gzip", body=gzip.compress(content)[:-4])

    assert isinstance(answer.body, str)
    assert answer.truncated


async def test_a_coded_body_that_breaks_off_is_kept_so_far() -> None:
    """And told as cut."""
    whole = "".join(str(number) for number in range(5_000))
    body = gzip.compress(whole.encode())
    answer = await answered("Content-Encoding: gzip", body=body[: len(body) // 2])

    assert answer.truncated
    assert len(answer.body) > 1_000
    assert whole.startswith(answer.body)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", codecs.BOM_UTF8 + FAILED),
        ("application/json; charset=utf-8", codecs.BOM_UTF8 + FAILED),
        ("application/json", FAILED.decode().encode("utf-16")),
        ("application/json", codecs.BOM_UTF16_BE + FAILED.decode().encode("utf-16-be")),
        ("application/json; charset=utf-16", FAILED.decode().encode("utf-16-le")),
        ("application/json; charset=UTF-16BE", FAILED.decode().encode("utf-16-be")),
        ("application/json", FAILED.decode().encode("utf-16-le")),
        ("application/json", FAILED.decode().encode("utf-32")),
        ("application/json; charset=iso-8859-1", b'{"success": false, "m": "\xe9"}'),
        ("application/json; charset=utf-16", FAILED),
        ("application/json; charset=utf-16le", b"\r\n " + FAILED + b" "),
        ("application/json; charset=UTF-32", FAILED),
        ("application/json; charset=nonsense", FAILED),
        ("application/json; charset=zlib", FAILED),
        ("text/html", b"\r\n" + FAILED),
        ("application/json", b'{"success": false, "m": [NaN, Infinity, -Infinity]}'),
        ("application/json", b'{"success": false, "m": "a tab\t, lines\r\n, \x00 and \x1b"}'),
        ("application/json", b'{"success": false, "m\n": 1e999}'),
        ("application/json", b'{"success": false, "m": 1e999}'),
        ("application/json", b'{"success": false, "m": [-1e999, "half an emoji \\ud83d"]}'),
        ("application/json", b'{"success": false, "m": %s}' % (b"9" * 6000)),
        ("application/json", b'{"success": false, "m": %s1%s}' % (b"[" * 300, b"]" * 300)),
        ("application/json", b'{"success": false, "m": "half an emoji \\ud83d"}'),
    ],
)
async def test_json_is_read_however_it_is_written(content_type: str, body: bytes) -> None:
    """With a byte-order mark, in UTF-16, with half an emoji or NaN: a failure is a failure."""
    answer = await answered(f"Content-Type: {content_type}", body=body)

    assert isinstance(answer.body, dict)
    assert SEGMENT.classify(answer) is not None
    json.dumps(answer.body, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize(
    "text", ["x" * 900_000, "1.5," * 250_000, '{"a": 1},' * 100_000], ids=["text", "list", "map"]
)
async def test_a_failure_behind_a_long_text_is_seen(text: str) -> None:
    """The provider judges all of the body; an output keeps 64 KiB of it."""
    long = json.dumps(text) if text.startswith("x") else f"[{text}{{}}]"
    answer = await answered(body=b'{"data": %s, "success": false}' % long.encode())

    assert SEGMENT.classify(answer) is not None
    response = as_response(answer)
    assert response["truncated"]
    assert json_size(response) <= RESPONSE_LIMIT_BYTES


async def test_an_error_at_trakio_behind_a_byte_order_mark() -> None:
    """It hides in the body of a 200."""
    trakio = Trakio.model_validate({"token": "trakio-token"})
    answer = await answered(body=codecs.BOM_UTF8 + b'{"status": "error", "code": 401}')

    assert type(trakio.classify(answer)).__name__ == "Unauthorized"


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (["X-A: b"] * 3_000, "sent a response with more than 500 header lines"),
        (["X-A: " + "b" * 200_000], "sent a response that is not valid HTTP"),
    ],
    ids=["many", "large"],
)
async def test_headers_without_measure(head: list[str], message: str) -> None:
    """They end the attempt, not the worker."""
    with pytest.raises(Exception, match=f"^127.0.0.1 {message}$") as failed:
        await answered(*head, body=b"{}")

    assert type(failed.value).__name__ == "Unavailable"


@pytest.mark.parametrize(
    ("body", "kept"),
    [("x" * 64 * 1024, 64 * 1024), ("é" * 32 * 1024, 64 * 1024 // 6), ("\x01" * 64 * 1024, 10_922)],
)
async def test_a_response_is_bounded_as_it_is_written(body: str, kept: int) -> None:
    """The whole of it, headers included, whatever they hold."""
    emoji = "\N{GRINNING FACE}" * 200
    names = ("Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    head = [f"{name}: {emoji}" for name in (*names, "X-Request-Id", "Content-Type")]
    response = as_response(await answered(*head, body=body.encode()))

    assert len(response["body"]) == kept
    assert all(json_size(value) <= 202 for value in response["headers"].values())
    assert json_size(response) <= RESPONSE_LIMIT_BYTES
