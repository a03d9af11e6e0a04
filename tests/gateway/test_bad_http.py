"""Invalid HTTP gets an error response, and the gateway continues to work."""

import httpx
import pytest

from durable_analytics.testing import StandIn
from tests.support.gateway_messages import AUTH, assert_accepts_messages, error_message
from tests.support.gateway_process import Gateway
from tests.support.raw_http import BASIC, BODY, LENGTH, exchange, post

NOT_BASIC = "the Authorization header is not Basic with base64 in it"
NO_KEY = "the write key is missing or unknown"
UNKNOWN = "the content encoding is not supported"
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
async def test_invalid_headers_are_rejected_with_a_reason(
    gateway: Gateway,
    http: httpx.AsyncClient,
    standin: StandIn,
    request_: bytes,
    status: int,
    message: str,
) -> None:
    """The status is 4xx."""
    response = await exchange(gateway, request_)

    assert (response.status, response.message[: len(message)]) == (status, message)
    await assert_accepts_messages(http, standin)


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
async def test_malformed_http_is_rejected(
    gateway: Gateway, http: httpx.AsyncClient, standin: StandIn, request_: bytes
) -> None:
    """The HTTP server itself responds with 4xx."""
    response = await exchange(gateway, request_)

    assert 400 <= response.status < 500
    await assert_accepts_messages(http, standin)


@pytest.mark.parametrize(
    "request_",
    [
        post(BASIC, LENGTH, b"X: " + b"x" * 1_000_000),
        post(BASIC, LENGTH, *[b"X: x"] * 200_000),
        post(BASIC, LENGTH, path=b"/" + b"x" * 1_000_000),
    ],
    ids=["a large one", "many", "a path"],
)
async def test_oversized_headers_are_rejected(
    gateway: Gateway, http: httpx.AsyncClient, standin: StandIn, request_: bytes
) -> None:
    """The status is 4xx, or the connection is closed."""
    response = await exchange(gateway, request_)

    assert response.status == 0 or 400 <= response.status < 500
    await assert_accepts_messages(http, standin)


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
    "settings, and a host of any bytes": (
        b"GET /v1/projects/segment/settings HTTP/1.1\r\nHost: [\xe9@/?#:9999999\r\n\r\n"
    ),
}


@pytest.mark.parametrize("request_", GOOD.values(), ids=GOOD)
async def test_unusual_headers_are_accepted(gateway: Gateway, request_: bytes) -> None:
    """They do not change the meaning of the request."""
    response = await exchange(gateway, request_)

    assert (response.status, response.message) == (200, "")


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
async def test_wrong_method_gets_405(
    http: httpx.AsyncClient, method: str, path: str, allowed: list[str]
) -> None:
    """The Allow header names the right one."""
    response = await http.request(method, path, content=BODY, auth=AUTH)

    assert response.status_code == 405
    assert sorted(response.headers["Allow"].split(", ")) == allowed
    assert error_message(response) == f"this path does not support {method}: see /openapi.json"


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
async def test_unknown_path_gets_404(http: httpx.AsyncClient, path: str) -> None:
    """With and without a write key."""
    for auth in (AUTH, ("", "")):
        response = await http.post(path, content=BODY, auth=auth)

        assert response.status_code == 404
        assert error_message(response) == "this path does not exist: see /openapi.json"
