"""What a vendor of the stand-in can be: three made-up ones, and what none of them needs."""

import base64
import gzip
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from durable_analytics.testing import Reply, StandIn, Vendor
from durable_analytics.testing.authentication import query
from durable_analytics.testing.messages import in_body
from tests.support.standin_vendors import ARRAYS, KEYED, SIGNED, VENDORS

OBJECTS = Vendor(
    title="Objects",
    credentials={"secret": "objects-secret"},
    authorizes=query("api_secret", "secret"),
    refuses=Reply(403, "<Error/>", {"Content-Type": "application/xml", "X-Reason": "secret"}),
    answers=lambda _: Reply(200),
    messages=in_body("id"),
)
"""Files of messages, the secret in the query."""

ACCOUNT = httpx.BasicAuth("arrays-account", "arrays-password")
NO_AUTH = httpx.Auth()


@pytest.fixture
async def vendors() -> AsyncIterator[StandIn]:
    """A stand-in of the made-up vendors."""
    async with StandIn({**VENDORS, "objects": OBJECTS}) as running:
        yield running


@pytest.fixture
async def http(vendors: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of its root."""
    root = vendors.base_url("signed").removesuffix("/signed")
    async with httpx.AsyncClient(base_url=root, trust_env=False) as client:
        yield client


def signed_headers(content: bytes, age_seconds: int = 0, message_id: str = "m-1") -> dict[str, str]:
    """The headers of Standard Webhooks."""
    timestamp = str(int(time.time()) - age_seconds)
    key = base64.b64decode(SIGNED.credentials["secret"].removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + content, "sha256")
    signature = f"v1,wrong v1,{base64.b64encode(digest).decode()}"
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
    }


def ids(standin: StandIn, name: str) -> list[str | None]:
    """The ids of the messages that a vendor has accepted."""
    return [message.id for message in standin.accepted[name]]


async def test_accepts_a_signed_webhook(http: httpx.AsyncClient, vendors: StandIn) -> None:
    """The signature covers the bytes as they were sent, and the id is that of the header."""
    content = b'{ "event":  "E" }'

    response = await http.post("/signed", content=content, headers=signed_headers(content))

    assert response.status_code == 204
    assert vendors.accepted["signed"] == [("m-1", {"event": "E"})]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed_headers(b"another body"),
        signed_headers(b"{}", age_seconds=600),
        {**signed_headers(b"{}"), "webhook-id": "m-2"},
        {**signed_headers(b"{}"), "webhook-timestamp": "soon"},
    ],
)
async def test_refuses_a_wrong_signature(
    http: httpx.AsyncClient, vendors: StandIn, headers: dict[str, str]
) -> None:
    """Of another body, id or time, or of a time too long ago; nothing is accepted."""
    response = await http.post("/signed", content=b"{}", headers=headers)

    assert (response.status_code, response.json()) == (401, {"error": "invalid signature"})
    assert vendors.accepted["signed"] == []


async def test_accepts_the_others_of_a_refused_event(
    http: httpx.AsyncClient, vendors: StandIn
) -> None:
    """The response is 400 and lists the bad ones."""
    events = [{"id": "a", "name": "A"}, {"id": "b"}, 3, {"id": "d", "name": "D"}]

    response = await http.post("/keyed/events", json={"api_key": "keyed-api-key", "events": events})

    failed = [{"index": 1, "reason": "name is missing"}, {"index": 2, "reason": "no object"}]
    assert (response.status_code, response.json()) == (400, {"code": 400, "failed": failed})
    assert ids(vendors, "keyed") == ["a", "d"]


async def test_an_empty_array_carries_no_credentials(http: httpx.AsyncClient) -> None:
    response = await http.post("/arrays/profiles?project=arrays-project", json=[])

    assert response.status_code == 401


async def test_accepts_a_throttled_event_when_it_comes_again(
    http: httpx.AsyncClient, vendors: StandIn
) -> None:
    """The response is 429, lists the throttled ones and says when to try again."""
    busy = {"id": "b", "name": "B", "busy": True}
    body = {"api_key": "keyed-api-key", "events": [{"id": "a", "name": "A"}, busy]}

    first = await http.post("/keyed/events", json=body)
    second = await http.post("/keyed/events", json={**body, "events": [busy]})

    assert (first.status_code, first.json()) == (429, {"code": 429, "throttled": [1]})
    assert first.headers["retry-after"] == "1"
    assert second.status_code == 200
    assert ids(vendors, "keyed") == ["a", "b"]


async def test_reads_forms(http: httpx.AsyncClient, vendors: StandIn) -> None:
    """The key is found in them and masked."""
    form = {"api_key": "keyed-api-key", "who": ['{"id":"u-1"}', "b c"], "empty": ""}

    responses = [
        await http.post("/keyed/identify", data=form),
        await http.post("/keyed/identify", data={**form, "api_key": "wrong"}),
    ]

    assert [response.status_code for response in responses] == [200, 400]
    assert vendors.requests[0]["body"] == {**form, "api_key": "****"}


@pytest.mark.parametrize("endpoint", ["events", "profiles"])
async def test_reads_arrays_at_two_endpoints(
    http: httpx.AsyncClient, vendors: StandIn, endpoint: str
) -> None:
    """Each authenticates in its own way; a refused item is listed, the others are accepted."""
    items: list[Any] = [
        {"user": "u-1", "properties": {"$id": "a"}},
        {"properties": {"$id": "b"}},
        {"user": "u-3", "properties": {}},
    ]
    if endpoint == "profiles":
        items = [{**item, "$token": "arrays-token"} for item in items]
    auth = ACCOUNT if endpoint == "events" else NO_AUTH

    response = await http.post(f"/arrays/{endpoint}?project=arrays-project", json=items, auth=auth)

    errors = [{"input_index": 1, "message": "user is missing"}]
    assert (response.status_code, response.json()) == (207, {"errors": errors})
    assert ids(vendors, "arrays") == ["a", None]
    assert "arrays-token" not in json.dumps(vendors.requests)


@pytest.mark.parametrize(
    ("endpoint", "auth", "item"),
    [
        ("events", NO_AUTH, {}),
        ("events", httpx.BasicAuth("arrays-account", "wrong"), {}),
        ("events", NO_AUTH, {"$token": "arrays-token"}),
        ("profiles", ACCOUNT, {}),
        ("profiles", NO_AUTH, {"$token": "wrong"}),
    ],
)
async def test_checks_the_credentials_of_each_endpoint(
    http: httpx.AsyncClient, endpoint: str, auth: httpx.Auth, item: dict[str, str]
) -> None:
    response = await http.post(f"/arrays/{endpoint}?project=arrays-project", json=[item], auth=auth)

    assert response.status_code == 401


async def test_reads_files_of_lines(http: httpx.AsyncClient, vendors: StandIn) -> None:
    """A gzip file is read, and its bytes are what the vendor received."""
    lines = b'{"id":"a"}\n{"id":"b"}\n'
    url = "/objects/dt=2026-11-28/a.ndjson.gz?api_secret=objects-secret"

    response = await http.put(
        url, content=gzip.compress(lines), headers={"Content-Type": "application/x-ndjson"}
    )

    assert response.status_code == 200
    assert vendors.accepted["objects"] == [("a", {"id": "a"}), ("b", {"id": "b"})]
    assert vendors.requests[0]["query"] == {"api_secret": "****"}
    assert vendors.requests[0]["path"] == "/dt=2026-11-28/a.ndjson.gz"


async def test_accepts_nothing_with_wrong_credentials() -> None:
    """Where the vendor hides that behind a 2xx, too."""
    silent = replace(OBJECTS, refuses=Reply(204))
    async with StandIn({"silent": silent}) as standin, httpx.AsyncClient(trust_env=False) as http:
        url = standin.base_url("silent")
        for secret in ("wrong", "objects-secret"):
            await http.post(f"{url}?api_secret={secret}", json={"id": secret})

    assert ids(standin, "silent") == ["objects-secret"]


@pytest.mark.parametrize("content", [b"\x1f\x8b", b"\x1f\x8b\x08 broken", b"[" * 100_000])
async def test_accepts_any_bytes(http: httpx.AsyncClient, content: bytes) -> None:
    response = await http.put("/objects/a?api_secret=objects-secret", content=content)

    assert response.status_code == 200


async def test_a_response_has_headers(http: httpx.AsyncClient) -> None:
    """Its own type of content, too."""
    response = await http.put("/objects/a?api_secret=wrong")

    assert (response.status_code, response.text) == (403, "<Error/>")
    assert response.headers["content-type"] == "application/xml"
    assert response.headers["x-reason"] == "secret"


@pytest.mark.parametrize(("status", "count"), [(200, 1), (202, 1), (400, 0), (500, 0)])
async def test_the_status_of_a_script_decides_what_is_accepted(
    http: httpx.AsyncClient, vendors: StandIn, status: int, count: int
) -> None:
    vendors.script("keyed", {"status": status})
    events = [{"id": "a", "name": "A"}]

    await http.post("/keyed/events", json={"api_key": "keyed-api-key", "events": events})

    assert len(vendors.accepted["keyed"]) == count


async def test_waits_for_accepted_messages(http: httpx.AsyncClient, vendors: StandIn) -> None:
    """Of one integration, and no longer than it is told to."""
    events = [{"id": "a", "name": "A"}, {"id": "b", "name": "B"}]
    await http.post("/keyed/events", json={"api_key": "keyed-api-key", "events": events})

    assert [message.id for message in await vendors.wait_for_accepted("keyed", 2)] == ["a", "b"]
    with pytest.raises(TimeoutError):
        await vendors.wait_for_accepted("keyed", 3, seconds=0.01)
    with pytest.raises(KeyError):
        await vendors.wait_for_accepted("nobody", 1)
    vendors.clear()
    assert vendors.accepted["keyed"] == []


@pytest.mark.parametrize("vendor", [ARRAYS, KEYED, SIGNED])
def test_a_vendor_has_the_settings_of_its_integration(vendor: Vendor) -> None:
    settings = vendor.integration_settings("http://127.0.0.1:1/x")

    assert settings == {"base_url": "http://127.0.0.1:1/x", **vendor.settings, **vendor.credentials}
