"""The routes, CORS, and requests through proxies."""

import json

import httpx
import pytest
from starlette.requests import Request
from starlette.routing import Route
from temporalio.client import Client
from temporalio.common import MetricMeter

from durable_analytics.testing import StandIn
from gateway.app import App
from gateway.metrics import GatewayMetrics
from gateway.routes import ROUTES
from tests.support.gateway_messages import (
    AUTH,
    SUCCESS,
    arrived,
    client,
    executions,
    good,
    ids,
    inputs,
)
from tests.support.gateway_process import Gateway, address, gateway_process
from tests.support.json_objects import Json

ORIGIN = "https://shop.example.com"


@pytest.mark.parametrize("prefix", ["/v1", "", "/backend/v1"])
async def test_every_route_delivers_its_messages(
    http: httpx.AsyncClient, standin: StandIn, prefix: str
) -> None:
    """A message of the route's type, or a list, is delivered."""
    sent = {route: good(groupId="g-1", previousId="u-0", name="N") for route in ROUTES}
    for route, message in sent.items():
        body = message if route.message_type else {"batch": [message]}
        response = await http.post(f"{prefix}/{route.name}", json=body, auth=AUTH)
        assert (route, response.status_code, response.json()) == (route, 200, SUCCESS)

    received = await arrived(standin, ids(sent.values()))
    assert {message["messageId"]: message["type"] for message in received} == {
        message["messageId"]: route.message_type or "track" for route, message in sent.items()
    }


@pytest.mark.parametrize("place", ["basic", "bearer", "body"])
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
async def test_write_key_is_accepted_in_header_or_body(
    http: httpx.AsyncClient, standin: StandIn, place: str, path: str
) -> None:
    """With any content type: `sendBeacon` sends text/plain."""
    message = good()
    body: Json = {"batch": [message]} if path == "/v1/batch" else dict(message)
    headers = {"Content-Type": "text/plain"}
    if place == "body":
        body["writeKey"] = "segment"
    else:
        key = {"basic": "Basic c2VnbWVudDo=", "bearer": "Bearer segment"}
        headers["Authorization"] = key[place]

    response = await http.post(path, content=json.dumps(body), headers=headers)

    assert (response.status_code, response.json()) == (200, SUCCESS)
    await arrived(standin, ids([message]))


async def test_write_key_in_header_overrides_body(http: httpx.AsyncClient) -> None:
    """A wrong key in the header gets 401 although the key in the body is right."""
    response = await http.post("/v1/track", json={"writeKey": "segment"}, auth=("nobody", ""))

    assert response.status_code == 401


@pytest.mark.parametrize("path", ["/health", "/ready", "/openapi.json"])
async def test_health_routes_need_no_write_key(http: httpx.AsyncClient, path: str) -> None:
    """GET and HEAD."""
    assert (await http.get(path)).status_code == 200
    assert (await http.head(path)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/t", "/v1/projects/segment/settings"])
async def test_cors_allows_every_origin_by_default(http: httpx.AsyncClient, path: str) -> None:
    """With every header that an SDK sets."""
    wanted = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-own",
    }
    asked = await http.options(path, headers=wanted)
    response = await http.post("/v1/t", json={}, headers={"Origin": ORIGIN})

    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] in {"*", ORIGIN}
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    for name in ("authorization", "content-type", "x-own"):
        assert name in asked.headers["Access-Control-Allow-Headers"]
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] in {"*", ORIGIN}
    assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in response.headers


async def test_cors_allows_only_configured_origins(temporal: Client, task_queue: str) -> None:
    """Browsers do not let other pages read a response."""
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


async def test_sdk_settings_name_the_host_of_the_request(
    http: httpx.AsyncClient, gateway: Gateway
) -> None:
    """Scheme and host are those by which the browser reached the gateway, also through a proxy."""
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
    ("trusted", "ips"),
    [
        (
            "127.0.0.1",
            {
                "8.8.8.8": "8.8.8.8",
                "1.1.1.1, 8.8.4.4, 127.0.0.1": "8.8.4.4",
                "2606:4700::1111": "2606:4700::1111",
                "10.0.0.1": None,
                "nobody": None,
            },
        ),
        ("192.0.2.1", {"8.8.8.8": None}),
    ],
)
async def test_ip_is_added_for_browsers_behind_trusted_proxies(
    temporal: Client, task_queue: str, trusted: str, ips: dict[str, str | None]
) -> None:
    """Not for servers, nor for private or invalid addresses, nor behind an untrusted proxy."""
    settings = {"ANALYTICS_GATEWAY__TRUSTED_PROXIES": trusted}
    async with (
        gateway_process(address(temporal), task_queue, settings=settings) as gateway,
        client(gateway) as http,
    ):
        for path in ("/v1/t", "/v1/track"):
            for forwarded in ips:
                message = good(event=f"{path} {forwarded}")
                headers = {"X-Forwarded-For": forwarded}
                await http.post(path, json=message, headers=headers, auth=AUTH)
    handles = await executions(temporal, task_queue, 2 * len(ips))
    stored = [json.loads(await inputs(handle))["messages"] for handle in handles]

    contexts = {message["event"]: message.get("context") for batch in stored for message in batch}
    assert contexts == {
        **{f"/v1/t {forwarded}": {"ip": ip} if ip else None for forwarded, ip in ips.items()},
        **{f"/v1/track {forwarded}": None for forwarded in ips},
    }


async def test_internal_error_is_logged_without_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The message may hold personal data; the log has the type and the location."""

    async def fail(request: Request) -> None:
        raise ValueError(request.url.query)

    transport = httpx.ASGITransport(
        App([Route("/fail", fail)], [], GatewayMetrics(MetricMeter.noop))
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        response = await http.get("/fail?u-1")

    (record,) = caplog.records
    assert (response.status_code, response.json()["code"]) == (500, "internal_server_error")
    assert vars(record)["exception"] == "ValueError"
    assert "in fail" in str(vars(record)["where"])
    assert "u-1" not in str(vars(record)) + response.text
