"""The routes, as SDKs of all kinds use them, and what browsers and proxies need around them."""

import json

import httpx
import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from gateway.messages import CALLS
from tests.conftest import Json
from tests.gateway.arrivals import AUTH, SUCCESS, arrived, client, executions, good, ids, inputs
from tests.gateway.processes import Gateway, address, gateway_process

ORIGIN = "https://shop.example.com"


@pytest.mark.parametrize("prefix", ["/v1", "", "/backend/v1"])
async def test_every_route(http: httpx.AsyncClient, standin: StandIn, prefix: str) -> None:
    """A message of the type that the path names, or a list of them, arrives."""
    sent = {call: good(groupId="g-1", previousId="u-0", name="N") for call in CALLS}
    for call, message in sent.items():
        body = message if CALLS[call] else {"batch": [message]}
        answer = await http.post(f"{prefix}/{call}", json=body, auth=AUTH)
        assert (call, answer.status_code, answer.json()) == (call, 200, SUCCESS)

    there = {one["messageId"]: one["type"] for one in await arrived(standin, ids(sent.values()))}
    assert there == {one["messageId"]: CALLS[call] or "track" for call, one in sent.items()}


@pytest.mark.parametrize("place", ["basic", "bearer", "body"])
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
async def test_where_the_key_stands(
    http: httpx.AsyncClient, standin: StandIn, place: str, path: str
) -> None:
    """Anywhere that SDKs put it; the content type is that of a browser's beacon."""
    message = good()
    body: Json = {"batch": [message]} if path == "/v1/batch" else dict(message)
    headers = {"Content-Type": "text/plain"}
    if place == "body":
        body["writeKey"] = "segment"
    else:
        key = {"basic": "Basic c2VnbWVudDo=", "bearer": "Bearer segment"}
        headers["Authorization"] = key[place]

    answer = await http.post(path, content=json.dumps(body), headers=headers)

    assert (answer.status_code, answer.json()) == (200, SUCCESS)
    await arrived(standin, ids([message]))


async def test_the_header_goes_before_the_body(http: httpx.AsyncClient) -> None:
    """A wrong key in the header is not made right by another one."""
    answer = await http.post("/v1/track", json={"writeKey": "segment"}, auth=("nobody", ""))

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/health", "/ready", "/openapi.json"])
async def test_without_a_key(http: httpx.AsyncClient, path: str) -> None:
    """Probes and readers need none; HEAD does as well."""
    assert (await http.get(path)).status_code == 200
    assert (await http.head(path)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/t", "/v1/projects/segment/settings"])
async def test_a_page_from_anywhere(http: httpx.AsyncClient, path: str) -> None:
    """By default a browser may send from every page, with each header that its SDK sets."""
    wanted = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-own",
    }
    asked = await http.options(path, headers=wanted)
    answer = await http.post("/v1/t", json={}, headers={"Origin": ORIGIN})

    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] in {"*", ORIGIN}
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    for name in ("authorization", "content-type", "x-own"):
        assert name in asked.headers["Access-Control-Allow-Headers"]
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] in {"*", ORIGIN}
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_pages_that_may_send(temporal: Client, task_queue: str) -> None:
    """Where they are named, browsers keep all others from reading an answer."""
    settings = {"ANALYTICS_GATEWAY__CORS_ORIGINS": f"https://a.example.com, {ORIGIN}"}

    async with (
        gateway_process(address(temporal), task_queue, settings=settings) as gateway,
        client(gateway) as http,
    ):
        allowed = {
            origin: (await http.get("/health", headers={"Origin": origin})).headers.get(
                "Access-Control-Allow-Origin"
            )
            for origin in (ORIGIN, "https://b.example.com", f"{ORIGIN}.evil.example")
        }

    assert allowed == {
        ORIGIN: ORIGIN,
        "https://b.example.com": None,
        f"{ORIGIN}.evil.example": None,
    }


async def test_what_a_browser_starts_with(http: httpx.AsyncClient, gateway: Gateway) -> None:
    """Where to send: this gateway, as the browser reached it, also through a proxy."""
    path = "/v1/projects/segment/settings"
    direct = (await http.get(path)).json()["integrations"]["Segment.io"]
    headers = {"Host": "events.example.com", "X-Forwarded-Proto": "https"}
    behind = (await http.get(path, headers=headers)).json()["integrations"]["Segment.io"]
    unknown = await http.get("/v1/projects/nobody/settings")

    assert direct["apiKey"] == behind["apiKey"] == "segment"
    host = gateway.url.removeprefix("http://")
    assert (direct["protocol"], direct["apiHost"]) == ("http", f"{host}/v1")
    assert (behind["protocol"], behind["apiHost"]) == ("https", "events.example.com/v1")
    assert unknown.status_code == 401


@pytest.mark.parametrize(
    ("trusted", "forwarded", "meant"),
    [
        ("127.0.0.1", "8.8.8.8", "8.8.8.8"),
        ("127.0.0.1", "1.1.1.1, 8.8.8.8, 127.0.0.1", "8.8.8.8"),
        ("127.0.0.1", "2606:4700::1111", "2606:4700::1111"),
        ("127.0.0.1", "10.0.0.1", None),
        ("127.0.0.1", "nobody", None),
        ("192.0.2.1", "8.8.8.8", None),
    ],
)
async def test_whose_address_it_is(
    temporal: Client, task_queue: str, trusted: str, forwarded: str, meant: str | None
) -> None:
    """A browser's, as a trusted proxy tells it; not a server's, nor one that says nothing."""
    settings = {"ANALYTICS_GATEWAY__TRUSTED_PROXIES": trusted}
    headers = {"X-Forwarded-For": forwarded}

    async with (
        gateway_process(address(temporal), task_queue, settings=settings) as gateway,
        client(gateway) as http,
    ):
        for path in ("/v1/t", "/v1/track"):
            await http.post(path, json=good(event=path), headers=headers, auth=AUTH)
    handles = await executions(temporal, task_queue, 2)
    stored = [json.loads(await inputs(handle))["messages"] for handle in handles]

    there = {message["event"]: message.get("context") for several in stored for message in several}
    assert there == {"/v1/t": {"ip": meant} if meant else None, "/v1/track": None}
