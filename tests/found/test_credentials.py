"""No credential reaches a history by way of an answer, and none comes in with a header."""

import base64
import json
import re
from typing import Any

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.found.providers import raw_provider
from tests.providers.building import ACCOUNTS, refusal
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_with
from tests.worker.deliveries import outcome, own_worker, start

ONE_ATTEMPT = {"request": {"retry_policy": {"maximum_attempts": 1}}}


async def history_of(client: Client, settings: Any) -> str:
    """Deliver one message; returns its history with all payloads as text."""
    async with own_worker(client, settings):
        handle = await start(client, settings.task_queue, policies=ONE_ATTEMPT)
        output = await outcome(handle)
    found: list[str] = [json.dumps(output)]

    def walk(value: object) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                if key == "data" and isinstance(item, str):
                    found.append(base64.b64decode(item).decode(errors="replace"))
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(json.loads((await handle.fetch_history()).to_json()))
    return "\n".join(found)


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Oops"])
async def test_the_credentials_of_a_proxy_are_masked(
    temporal: Client, standin: StandIn, task_queue: str, status: str
) -> None:
    """In its answer, where it repeats them: as they came, decoded, in headers and in the body."""
    token = base64.b64encode(b"proxy-user:p@ss/w\xc3\xb6rd").decode()

    async def echo(reader: Any, writer: Any) -> None:
        del reader
        body = f"you are Basic {token}, proxy-user, p@ss/wörd, p%40ss%2Fw%C3%B6rd".encode()
        head = f"HTTP/1.1 {status}\r\nX-Request-Id: {token} p@ss/w%C3%B6rd\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async with raw_provider(echo) as provider:
        proxy = f"http://proxy-user:p%40ss%2Fw%C3%B6rd@127.0.0.1:{provider.port}"
        settings = settings_with(
            standin, task_queue, base_url="http://provider.invalid", allow_http=True, proxy=proxy
        )
        history = await history_of(temporal, settings)

    for secret in (token, "proxy-user", "p@ss", "wörd", "p%40ss", "w%C3%B6rd", "w\\u00f6rd"):
        assert secret not in history
    assert history.count("[credential]") >= 10


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("k/e+y=1234", rb"not JSON: k\/e+y=1234"),
        ("k/e+y=1234", b"k%2fe%2by%3d1234 k%2Fe%2By%3D1234"),
        ("k/e+y=1234", b"<b>k&#47;e&#43;y=1234 k&#x2F;e&plus;y&equals;1234</b>"),
        ("k/e+y=1234", rb"k\x2fe\053y\U0000003d1234 k%u002fe%u002By%u003D1234 k&#47e&#x2by=1234"),
        ("k/e+y=1234", b"6b2f652b793d31323334 6B2F652B793D31323334"),
        ("1234567890", b'{"success": true, "key": 1234567890}'),
        ("0001234567", b'{"success": true, "key": [1234567, 1234567.0]}'),
        ("1234567890123456789", b'{"success": true, "key": 1234567890123456800}'),
        ("1234567890", b"x" * 65_530 + b"1234567890" * 200),
    ],
)
async def test_the_key_is_masked_in_every_spelling(
    temporal: Client, standin: StandIn, task_queue: str, key: str, body: bytes
) -> None:
    """Those that common servers use, in JSON and elsewhere, and where the answer is cut."""

    async def echo(reader: Any, writer: Any) -> None:
        del reader
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with raw_provider(echo) as provider:
        settings = settings_with(
            standin, task_queue, base_url=f"http://127.0.0.1:{provider.port}", write_key=key
        )
        history = await history_of(temporal, settings)

    history = re.sub(r'"nanos":\d+|[0-9a-f-]{36}', "", history)  # they contain any digits
    kept = body.decode() if len(body) < 1_000 else "1234"
    for secret in {key, "1234"} if key.isdigit() else {kept, "1234"}:
        assert secret not in history.replace("[credential]", "")
    assert "[cre" in history


TRACK: Json = {"user_id": "u-1", "event": "E"}

REFUSED = [
    *(
        "User-Agent",
        "user_agent",
        "Accept-Encoding",
        "Expect",
        "Via",
        "Forwarded",
        "HTTP2-Settings",
    ),
    *("X-HTTP-Method-Override", "X_HTTP_Method", "X-Method-Override", "Transfer_Encoding"),
    *("Content_Length", "content-encoding", "TE", "Trailer", "Upgrade", "Keep-Alive", "Host"),
    *("Proxy-Connection", "Proxy_Authorization", "X-Proxy-User", "Connection"),
    *("X_API_KEY", "api_key", "ApiKey", "X-Access-Key", "X-Auth-Token", "X-Auth", "Authorization"),
    *("WWW-Authenticate", "X-Authorization", "Authentication", "X-Session-Id", "Cookie2"),
    *("Set-Cookie", "X-CSRF-Token", "X_Secret", "X-Password", "x-credential", "X-Hub-Signature"),
    *("X-Forwarded-For", "X_FORWARDED_HOST", "X-Real-IP", "Client-IP", "True-Client-IP"),
    *("X-Original-URL", "X-Rewrite-URL", "X-Amz-Security-Token", "X-Amz-Date", "Sec-Fetch-Site"),
    *("X-Write-Key", "Ocp-Apim-Subscription-Key", "x-functions-key", "Private_Key", "X-Key"),
    *("X-JWT", "Bearer", "X-Pwd", "X_Hmac", "Trailers", "X-Forward-For", "Method_Override"),
    *("_method", "X-Requested-Method", "X-Remote-IP", "Remote_Addr", "REMOTE_USER", "X-User-Agent"),
    *("Fly-Client-IP", "X-Azure-ClientIP", "X-Appengine-User-IP", "X-Originating-IP"),
    *("X-ProxyUser-Ip", "WL-Proxy-Client-IP", "X-Accel-Redirect", "X-Cluster-Client-IP"),
]


@pytest.mark.parametrize("name", sorted(ACCOUNTS))
def test_headers_that_forge_or_carry_a_credential_are_refused(name: str) -> None:
    """Or belong to the connection; whatever their spelling, in options and in calls."""
    headers = dict.fromkeys(REFUSED, "geheim")
    has_identify = ACCOUNTS[name].has("identify")
    method = "identify" if has_identify else "track"
    person = {"user_id": "user-1"}
    message = person if has_identify else {**person, "event": "E"}
    reasons = {
        "is reserved for the worker and must not be in an input: remove it",
        (
            "is a credential and must not be in an input; "
            "for another API key, configure another integration"
        ),
    }

    for first in range(0, len(REFUSED), 20):
        part = REFUSED[first : first + 20]
        some = {header: headers[header] for header in part}
        told = refusal(ACCOUNTS[name], method, message, request_options={"headers": some})
        assert told.keys() == {f"request_options.headers.{header}" for header in part}
        assert {*told.values()} <= reasons
        call = {"method": "GET", "path": "/x", "headers": some}
        told = refusal(ACCOUNTS[name], "call", call)
        assert told.keys() == {f"call.headers.{header}" for header in part}
        assert {*told.values()} <= reasons


def test_harmless_headers_are_let_through() -> None:
    """Traces, ids, languages, authors."""
    from tests.providers.building import built  # noqa: PLC0415

    names = ["X-Trace", "traceparent", "X-Request-Id", "Accept-Language", "X-Author", "Accept"]
    names += ["X-Tenant", "If-None-Match", "Prefer", "Date", "X-Authority-Of", "X-Hostname"]
    names += ["X-Idempotency-Key", "X-Partition-Key", "X-Keyboard", "Range", "X-Method-Of-Payment"]
    headers = dict.fromkeys(names, "1")

    request = built(ACCOUNTS["segment"], "track", TRACK, request_options={"headers": headers})
    assert request.headers == headers


@pytest.mark.parametrize("part", ["query", "body"])
@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("segment", key) for key in ("writeKey", "write-key", "WRITE_KEY", "Write Key")),
        *(("trophy", key) for key in ("apiKey", "API-KEY", "x_api_key", "XApiKey", "api.key")),
        *(("trakio", key) for key in ("Token", "x_token", "xTrakioToken")),
    ],
)
def test_no_key_of_query_or_body_is_a_credential(name: str, key: str, part: str) -> None:
    """However it is spelled."""
    problem = (
        "is a credential and must not be in an input; "
        "for another API key, configure another integration"
    )
    options = {part: {key: "geheim"}}

    assert refusal(ACCOUNTS[name], "identify", {"user_id": "u"}, request_options=options) == {
        f"request_options.{part}.{key}": problem
    }


def test_a_header_of_the_provider_is_not_replaced_in_another_spelling() -> None:
    """Servers that read headers as CGI variables cannot tell them apart."""
    metric = {"key": "words", "user": {"id": "u-1"}, "value": 1}
    options = {"headers": {"Idempotency_Key": "x", "content_type": "text/plain"}}
    reason = "is already part of the provider's request and cannot be replaced: remove it"

    assert refusal(ACCOUNTS["trophy"], "metric", metric, request_options=options) == {
        f"request_options.headers.{name}": reason for name in options["headers"]
    }
