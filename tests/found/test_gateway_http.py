"""HTTP as senders speak it, and as no one should."""

import asyncio
import base64
import gzip
import http.client
import json
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from temporalio.client import Client

from tests.support.gateway_messages import (
    AUTH,
    SUCCESS,
    client,
    error_message,
    executions,
    good,
    inputs,
)
from tests.support.gateway_process import Gateway, address, gateway_process
from tests.support.json_objects import Json
from tests.support.raw_http import BASIC, BODY, LENGTH, exchange, post

CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)


@pytest.fixture(scope="module")
async def gateway(temporal: Client) -> AsyncIterator[Gateway]:
    """A gateway whose executions no worker takes up."""
    async with gateway_process(address(temporal), "nobody-polls") as gateway:
        yield gateway


@pytest.fixture
async def own_gateway(temporal: Client, task_queue: str) -> AsyncIterator[Gateway]:
    """The same with a task queue of its own."""
    async with gateway_process(address(temporal), task_queue) as gateway:
        yield gateway


@pytest.fixture
async def http_(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with client(gateway) as one:
        yield one


async def stored(temporal: Client, task_queue: str) -> list[Json]:
    """What is stored."""
    handles = await executions(temporal, task_queue, 1)
    return [message for one in handles for message in json.loads(await inputs(one))["messages"]]


EARLY = {
    "too large": ("/v1/batch", {"Authorization": "Bearer segment"}, 413),
    "too large, and the last": (
        "/v1/batch",
        {"Authorization": "Bearer segment", "Connection": "close"},
        413,
    ),
    "no key": ("/v1/track", {"Connection": "close"}, 413),
    "an unknown key": ("/v1/track", {"Authorization": "Bearer x", "Connection": "close"}, 401),
    "an unknown path": ("/nothing", {"Connection": "close"}, 404),
    "another method": ("/health", {"Connection": "close"}, 405),
    "another version": ("/v1/track", {"Upgrade": "h2c"}, 400),
}


@pytest.mark.parametrize(("path", "headers", "status"), EARLY.values(), ids=EARLY)
async def test_an_answer_before_the_end_of_a_body(
    gateway: Gateway, path: str, headers: dict[str, str], status: int
) -> None:
    """A client that reads only after it has sent 20 MB reads the answer."""

    def send() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("POST", path, bytes(20_000_000), headers)
            return connection.getresponse().status
        finally:
            connection.close()

    port = int(gateway.url.rpartition(":")[2])
    statuses = await asyncio.gather(*(asyncio.to_thread(send) for _ in range(4)))

    assert statuses == [status] * 4


async def test_trailers_are_no_headers(
    own_gateway: Gateway, temporal: Client, task_queue: str
) -> None:
    """Neither a key nor an address is read from them."""
    key = post(CHUNKED, body=CHUNKS + BASIC + b"\r\n\r\n")
    trailer = b"X-Forwarded-For: 8.8.8.8\r\n\r\n"
    forged = post(BASIC, CHUNKED, path=b"/t", body=CHUNKS + trailer)

    assert (await exchange(own_gateway, key)).status == 401
    assert (await exchange(own_gateway, forged)).status == 200
    (message,) = await stored(temporal, task_queue)
    assert "context" not in message


HEAD = b"\r\n".join([BASIC, LENGTH, b"", BODY])
REFUSED = {
    "two hosts": post(b"Host: other", BASIC, LENGTH),
    "no host": b"POST /v1/track HTTP/1.1\r\n" + HEAD,
    "HTTP/2.0": b"POST /v1/track HTTP/2.0\r\nHost: x\r\n" + HEAD,
    "HTTP/0.9": b"POST /v1/track HTTP/0.9\r\nHost: x\r\n" + HEAD,
    "HTTP/1.2": b"POST /v1/track HTTP/1.2\r\nHost: x\r\n" + HEAD,
    "a line end in the path": post(BASIC, LENGTH, path=b"/v1/track%0a"),
    "NUL in the path": post(BASIC, LENGTH, path=b"/v1/track%00"),
    "DEL in the path": post(BASIC, LENGTH, path=b"/v1/track%7F"),
    "two lengths": post(BASIC, LENGTH, LENGTH),
    "a length and chunks": post(BASIC, LENGTH, CHUNKED, body=CHUNKS + b"\r\n"),
    "chunks and a length": post(BASIC, CHUNKED, LENGTH, body=CHUNKS + b"\r\n"),
    "chunks in HTTP/1.0": b"POST /t HTTP/1.0\r\n%b\r\n%b\r\n\r\n%b\r\n" % (BASIC, CHUNKED, CHUNKS),
    "another coding": post(BASIC, b"Transfer-Encoding: gzip, chunked", body=CHUNKS + b"\r\n"),
    "a folded header": post(b"X: a\r\n b", BASIC, LENGTH),
    "a space before a colon": post(b"X : a", BASIC, LENGTH),
    "line ends without CR": post(BASIC, LENGTH).replace(b"\r\n", b"\n"),
}


@pytest.mark.parametrize("request_", REFUSED.values(), ids=REFUSED)
async def test_requests_that_others_understand_otherwise(gateway: Gateway, request_: bytes) -> None:
    """400."""
    assert (await exchange(gateway, request_)).status == 400


async def test_each_answer_is_that_of_its_request(gateway: Gateway) -> None:
    """What comes after two whole requests and is none closes the connection after their answers."""
    port = httpx.URL(gateway.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    whole = post(BASIC, LENGTH)
    writer.write(whole + whole + b"no request\r\n\r\n")
    async with asyncio.timeout(30):
        answers = await reader.read()
    writer.close()

    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert b"HTTP/1.1 400" not in answers


async def test_a_half_closed_connection_gets_no_response(
    own_gateway: Gateway, temporal: Client, task_queue: str
) -> None:
    """The message may be stored; with its id, it is not stored twice."""
    body = json.dumps(good()).encode()
    request = post(BASIC, b"Content-Length: %d" % len(body), body=body)

    half_closed = await exchange(own_gateway, request, half_close=True)
    repeated = await exchange(own_gateway, request)

    assert (half_closed.head, repeated.status) == (b"", 200)
    assert len(await executions(temporal, task_queue, 1)) == 1


@pytest.mark.parametrize("path", ["/v1/track/", "/track/", "/t/", "/backend/v1/track/"])
async def test_a_slash_at_the_end(http_: httpx.AsyncClient, path: str) -> None:
    """The same as without it."""
    answer = await http_.post(path, json=good(), auth=AUTH)

    assert (answer.status_code, answer.json()) == (200, SUCCESS)
    for path_, method in (("/health/", "GET"), ("/v1/batch/", "POST"), ("/ready/", "GET")):
        content = b'{"batch":[]}' if method == "POST" else None
        assert (await http_.request(method, path_, content=content, auth=AUTH)).status_code == 200


async def test_pixels(own_gateway: Gateway, temporal: Client, task_queue: str) -> None:
    """A GIF of one pixel, in either alphabet of base64, with its padding and without."""
    types = ["identify", "track", "page", "screen", "group", "alias"]
    message = {"userId": "u-1", "event": "E", "writeKey": "segment"}
    async with client(own_gateway) as http:
        for type_ in types:
            odd, plain = (
                json.dumps({**message, "messageId": f"{type_}{end}"}).encode()
                for end in ("~~~???>>>", "")
            )
            standard = base64.b64encode(odd).decode()
            safe = base64.urlsafe_b64encode(plain).decode()
            assert "+" in standard or "/" in standard
            for data in (standard, safe.rstrip("=")):
                answer = await http.get(f"/v1/pixel/{type_}", params={"data": data})
                assert answer.status_code == 200
                assert answer.headers["Content-Type"] == "image/gif"
                assert answer.content.startswith(b"GIF89a\x01\x00\x01\x00")
            head = await http.head(f"/v1/pixel/{type_}", params={"data": safe})
            assert head.status_code == 200

    messages = await stored(temporal, task_queue)
    assert Counter(one["type"] for one in messages) == dict.fromkeys(types, 2)
    assert not any("writeKey" in one for one in messages)


async def test_a_pixel_with_the_key_elsewhere(http_: httpx.AsyncClient) -> None:
    """In the query or as Basic, as at the other routes."""
    data = base64.b64encode(b'{"userId":"u-1","event":"E"}').decode()
    path = "/v1/pixel/track"

    assert (await http_.get(path, params={"data": data})).status_code == 401
    answer = await http_.get(path, params={"data": data, "writeKey": "segment"})
    assert answer.status_code == 200
    assert (await http_.get(path, params={"data": data}, auth=AUTH)).status_code == 200


@pytest.mark.parametrize("data", ["", "e30=", "%", "bm90IEpTT04=", "W10=", "é"])
async def test_no_pixel(http_: httpx.AsyncClient, data: str) -> None:
    """4xx, and why."""
    answer = await http_.get("/v1/pixel/track", params={"data": data})

    assert answer.status_code == (401 if data == "e30=" else 400)
    assert error_message(answer)


def in_members(body: bytes) -> bytes:
    """A gzip file of several."""
    size = len(body) // 5 + 1
    return b"".join(gzip.compress(body[at : at + size]) for at in range(0, len(body), size))


def raw_deflate(body: bytes) -> bytes:
    """What HTTP does not mean by deflate."""
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(body) + packing.flush()


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", in_members), ("deflate", raw_deflate)])
async def test_packings(
    http_: httpx.AsyncClient, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    """Unpacked, within the limit."""
    for text, status in (("x", 200), ("x" * 600_000, 413)):
        body = json.dumps({"batch": [good(properties={"text": text})]}).encode()
        answer = await http_.post(
            "/v1/batch", content=pack(body), auth=AUTH, headers={"Content-Encoding": encoding}
        )
        assert answer.status_code == status
