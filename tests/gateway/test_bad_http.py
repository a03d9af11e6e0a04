"""Whatever is wrong with a request around its body, the answer says so, and the next is taken."""

import asyncio
import base64
from dataclasses import dataclass

import httpx
import pytest
from pydantic_core import from_json

from durable_analytics.testing import StandIn
from tests.gateway.arrivals import AUTH, is_well, told
from tests.gateway.processes import Gateway

SOON = 30
BODY = b'{"userId":"u-1","event":"E"}'
BASIC = b"Authorization: Basic " + base64.b64encode(b"segment:")
LENGTH = b"Content-Length: %d" % len(BODY)


@dataclass
class Answer:
    """What a socket received."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        """HTTP's; 0 where the connection closed without an answer."""
        return int(self.head.split(b" ")[1]) if self.head else 0

    @property
    def message(self) -> str:
        """What the gateway says; nothing where the server answered by itself."""
        if b"\r\ncontent-type: application/json" not in self.head.lower():
            return ""
        return str(from_json(self.body).get("message", ""))


async def exchange(gateway: Gateway, request: bytes) -> Answer:
    """Send these bytes, and read the answer to its end."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(SOON):
            writer.write(request)
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return Answer(b"", b"")
            sizes = [
                int(line.partition(b":")[2])
                for line in head.lower().splitlines()
                if line.startswith(b"content-length:")
            ]
            return Answer(head, await reader.readexactly(sum(sizes)))
    finally:
        writer.close()


def post(*headers: bytes, body: bytes = BODY, path: bytes = b"/v1/track") -> bytes:
    """A request with just these headers."""
    line = b"POST %b HTTP/1.1" % path
    return b"\r\n".join([line, b"Host: gateway", *headers, b"", body])


NOT_BASIC = "the Authorization header is not Basic with base64 in it"
NO_KEY = "the write key is missing or unknown"
UNKNOWN = "the content encoding is unknown"
HEADERS = {
    "no key": (post(LENGTH), 401, NO_KEY),
    "an unknown key": (post(b"Authorization: Bearer segmentt", LENGTH), 401, NO_KEY),
    "a part of a key": (post(b"Authorization: Bearer segm", LENGTH), 401, NO_KEY),
    "an empty key": (post(b"Authorization: Basic Og==", LENGTH), 401, NO_KEY),
    "an unknown scheme": (post(b"Authorization: Digest segment", LENGTH), 401, NO_KEY),
    "no scheme": (post(b"Authorization: segment", LENGTH), 401, NO_KEY),
    "a key of any bytes": (post(b"Authorization: Bearer \xe9\xff", LENGTH), 401, NO_KEY),
    "two keys": (post(BASIC, BASIC, LENGTH), 400, "there is more than one Authorization header"),
    "no base64": (post(b"Authorization: Basic segment:", LENGTH), 400, NOT_BASIC),
    "cut base64": (post(b"Authorization: Basic c2VnbWVudD", LENGTH), 400, NOT_BASIC),
    "no ASCII": (post(b"Authorization: Basic \xe9", LENGTH), 400, NOT_BASIC),
    "no UTF-8": (post(b"Authorization: Basic /////w==", LENGTH), 400, NOT_BASIC),
    "two encodings": (post(BASIC, LENGTH, *[b"Content-Encoding: gzip"] * 2), 415, UNKNOWN),
    "an encoding of any bytes": (post(BASIC, LENGTH, b"Content-Encoding: \xe9"), 415, UNKNOWN),
}


@pytest.mark.parametrize(("request_", "status", "message"), HEADERS.values(), ids=HEADERS)
async def test_bad_headers(
    gateway: Gateway,
    http: httpx.AsyncClient,
    standin: StandIn,
    request_: bytes,
    status: int,
    message: str,
) -> None:
    """4xx, and why."""
    answer = await exchange(gateway, request_)

    assert (answer.status, answer.message[: len(message)]) == (status, message)
    await is_well(http, standin)


NO_HTTP = {
    "two lengths": post(BASIC, LENGTH, b"Content-Length: 3"),
    "a length in words": post(BASIC, b"Content-Length: many"),
    "a length below 0": post(BASIC, b"Content-Length: -1"),
    "a length without end": post(BASIC, b"Content-Length: " + b"9" * 40),
    "a broken chunk": post(BASIC, b"Transfer-Encoding: chunked", body=b"zz\r\n{}"),
    "no chunks": post(BASIC, b"Transfer-Encoding: gzip"),
    "NUL in a header": post(BASIC, LENGTH, b"X: a\0b"),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP of another time": b"GET /health HTTP/7.0\r\n\r\n",
    "an unknown method": b"FOO /v1/track HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("request_", NO_HTTP.values(), ids=NO_HTTP)
async def test_no_http(
    gateway: Gateway, http: httpx.AsyncClient, standin: StandIn, request_: bytes
) -> None:
    """4xx, by the server itself."""
    answer = await exchange(gateway, request_)

    assert 400 <= answer.status < 500
    await is_well(http, standin)


@pytest.mark.parametrize(
    "request_",
    [
        post(BASIC, LENGTH, b"X: " + b"x" * 1_000_000),
        post(BASIC, LENGTH, *[b"X: x"] * 200_000),
        post(BASIC, LENGTH, path=b"/" + b"x" * 1_000_000),
    ],
    ids=["a large one", "many", "a path"],
)
async def test_headers_without_end(
    gateway: Gateway, http: httpx.AsyncClient, standin: StandIn, request_: bytes
) -> None:
    """4xx, or the connection is closed: nobody sends a megabyte of headers by mistake."""
    answer = await exchange(gateway, request_)

    assert answer.status == 0 or 400 <= answer.status < 500
    await is_well(http, standin)


GOOD = {
    "HTTP/1.0": b"POST /v1/track HTTP/1.0\r\n%b\r\n%b\r\n\r\n%b" % (BASIC, LENGTH, BODY),
    "a type that is no JSON": post(BASIC, LENGTH, b"Content-Type: text/plain;charset=UTF-8"),
    "a type of any bytes": post(BASIC, LENGTH, b"Content-Type: \xe9"),
    "a scheme in capitals": post(b"AUTHORIZATION: BASIC c2VnbWVudDo=", LENGTH),
    "a password": post(b"Authorization: Basic c2VnbWVudDpwYXNz", LENGTH),
    "Bearer": post(b"Authorization: Bearer  segment ", LENGTH),
    "addresses of any bytes": post(
        BASIC, LENGTH, b"X-Forwarded-For: \xe9,,[::1, ", b"X-Forwarded-Proto: \xe9", path=b"/t"
    ),
    "no host": b"POST /t HTTP/1.1\r\n%b\r\n%b\r\n\r\n%b" % (BASIC, LENGTH, BODY),
    "settings, and a host of any bytes": (
        b"GET /v1/projects/segment/settings HTTP/1.1\r\nHost: [\xe9@/?#:9999999\r\n\r\n"
    ),
}


@pytest.mark.parametrize("request_", GOOD.values(), ids=GOOD)
async def test_odd_headers(gateway: Gateway, request_: bytes) -> None:
    """Taken: none of it matters."""
    answer = await exchange(gateway, request_)

    assert (answer.status, answer.message) == (200, "")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        *((method, "/v1/track", ["POST"]) for method in ("GET", "PUT", "DELETE", "PATCH")),
        ("OPTIONS", "/v1/batch", ["POST"]),
        ("GET", "/t", ["POST"]),
        ("POST", "/v1/users/u-1", ["DELETE"]),
        ("POST", "/health", ["GET", "HEAD"]),
        ("DELETE", "/openapi.json", ["GET", "HEAD"]),
    ],
)
async def test_a_wrong_method(
    http: httpx.AsyncClient, method: str, path: str, allowed: list[str]
) -> None:
    """405, and which is right."""
    answer = await http.request(method, path, content=BODY, auth=AUTH)

    assert answer.status_code == 405
    assert sorted(answer.headers["Allow"].split(", ")) == allowed
    assert told(answer) == f"{method} is not for this path: see /openapi.json"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v2/track",
        "/v1",
        "/v1/tracks",
        "/v1/Track",
        "/v1/track/x",
        "/x",
        "/v1/call",
        "/delete",
    ],
)
async def test_an_unknown_path(http: httpx.AsyncClient, path: str) -> None:
    """404, with a key and without."""
    for auth in (AUTH, ("", "")):
        answer = await http.post(path, content=BODY, auth=auth)

        assert answer.status_code == 404
        assert told(answer) == "there is nothing at this path: see /openapi.json"
