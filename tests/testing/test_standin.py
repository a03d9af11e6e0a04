"""The stand-in's own promises: what authors of providers and people at a shell rely on."""

import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from durable_analytics.testing import VENDORS, StandIn

KEY = ("segment-write-key", "")


@pytest.fixture
async def http(standin: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the stand-in's root."""
    root = standin.base_url("segment").removesuffix("/segment")
    async with httpx.AsyncClient(base_url=root) as client:
        yield client


async def test_shows_and_forgets_requests(http: httpx.AsyncClient) -> None:
    """Oldest first, in the contract's shape, credentials masked."""
    body = {"userId": "u-1", "event": "E", "writeKey": KEY[0]}
    await http.post("/segment/v1/track?a=1", json=body, auth=KEY)
    await http.get("/trophy/users/u-1", headers={"X-API-KEY": "trophy-api-key"})

    first, second = (await http.get("/requests")).json()
    assert set(first) == {
        "integration",
        "method",
        "path",
        "query",
        "headers",
        "body",
        "received_at",
        "answered",
    }
    assert (first["integration"], first["method"]) == ("segment", "POST")
    assert (first["path"], first["query"]) == ("/v1/track", {"a": "1"})
    assert first["body"] == {**body, "writeKey": "****"}
    assert first["headers"]["authorization"] == "Basic ****"
    assert second["headers"]["x-api-key"] == "****"
    assert (first["answered"], second["answered"]) == (200, 200)

    assert (await http.delete("/requests")).status_code == 204
    assert (await http.get("/requests")).json() == []


async def test_answers_by_script_then_as_the_provider(http: httpx.AsyncClient) -> None:
    """In order, headers and bodies included; other integrations are not concerned."""
    script = {
        "integration": "segment",
        "answers": [
            {"status": 500},
            {"status": 429, "headers": {"Retry-After": "3"}},
            {"status": 200, "body": "not json"},
            {"status": 200, "body": {"a": 1}},
            {"delay": 0.01},
        ],
    }
    assert (await http.post("/script", json=script)).status_code == 204

    answers = [await http.post("/segment/v1/track", json={}, auth=KEY) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [500, 429, 200, 200, 200, 200]
    assert answers[1].headers["retry-after"] == "3"
    assert answers[2].text == "not json"
    assert answers[3].json() == {"a": 1}
    assert answers[4].json() == answers[5].json() == {"success": True}


async def test_drops_connections(http: httpx.AsyncClient, standin: StandIn) -> None:
    """The request is recorded, and has no answer."""
    standin.script("segment", {"drop": True})

    with pytest.raises(httpx.RemoteProtocolError):
        await http.post("/segment/v1/track", json={}, auth=KEY)
    assert [request["answered"] for request in standin.requests] == [None]


@pytest.mark.parametrize(
    "script", [{}, {"integration": "nobody", "answers": []}, [1], {"integration": "segment"}]
)
async def test_a_wrong_script_is_told(http: httpx.AsyncClient, script: object) -> None:
    """With the integrations there are."""
    answer = await http.post("/script", json=script)

    assert answer.status_code == 400
    assert ", ".join(VENDORS) in answer.json()["error"]


async def test_an_unknown_integration_is_told(http: httpx.AsyncClient) -> None:
    """It is nobody's path."""
    answer = await http.post("/nobody/v1/track", json={})

    assert answer.status_code == 404
    assert answer.json() == {"error": "no integration nobody"}


@pytest.mark.parametrize(
    ("path", "headers", "refusal"),
    [
        ("/segment/v1/track", {}, {"success": False, "message": "invalid credentials"}),
        ("/segment/v1/track", {"Authorization": "Basic !"}, None),
        ("/segment/v1/track", {"Authorization": "Bearer segment-write-key"}, None),
        ("/segment/regulations", {"Authorization": "Bearer wrong"}, None),
        ("/journy/backend/v1/batch", {}, None),
        ("/rudderstack/v1/track", {}, "Invalid Write Key"),
        ("/trakio/track", {"X-Trakio-Token": "wrong"}, None),
        ("/trophy/metrics/m/event", {"X-API-KEY": "wrong"}, {"error": "Invalid API key"}),
    ],
)
async def test_checks_credentials(
    http: httpx.AsyncClient, path: str, headers: dict[str, str], refusal: object
) -> None:
    """Each vendor in its own way, and says so in its own words."""
    answer = await http.post(path, json={}, headers=headers)

    assert answer.status_code == 401
    if isinstance(refusal, str):
        assert answer.text == refusal
    elif refusal:
        assert answer.json() == refusal


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/segment/v1/track", {}, {"writeKey": KEY[0]}),
        ("/trakio/track", {}, {"token": "trakio-token", "data": {}}),
        ("/trakio/track", {"X-Token": "trakio-token"}, {"data": {}}),
    ],
)
async def test_takes_credentials_where_vendors_do(
    http: httpx.AsyncClient, path: str, headers: dict[str, str], body: object
) -> None:
    """In the body, or in the older header."""
    assert (await http.post(path, json=body, headers=headers)).status_code == 200


async def test_segment_refuses_size_and_broken_json(http: httpx.AsyncClient) -> None:
    """32 KB a message, 500 KB a batch: 400, as Segment does."""
    large = {"event": "x" * 33_000}
    statuses = [
        (await http.post("/segment/v1/track", json=large, auth=KEY)).status_code,
        (await http.post("/segment/v1/track", content=b"{", auth=KEY)).status_code,
        (await http.post("/segment/v1/batch", json={"batch": [large]}, auth=KEY)).status_code,
    ]

    assert statuses == [400, 400, 200]


async def test_trophy_counts_an_idempotency_key_once(http: httpx.AsyncClient) -> None:
    """201 the first time, 202 for a repeat by the same user on the same metric."""
    headers = {"X-API-KEY": "trophy-api-key", "Idempotency-Key": "k-1"}

    async def event(metric: str, user: str) -> int:
        body = {"user": {"id": user}, "value": 1}
        answer = await http.post(f"/trophy/metrics/{metric}/event", json=body, headers=headers)
        return answer.status_code

    assert [await event("a", "u"), await event("a", "u"), await event("b", "u")] == [201, 202, 201]


async def test_reads_compressed_bodies(http: httpx.AsyncClient) -> None:
    """SDKs gzip theirs."""
    body = {"event": "E"}
    await http.post(
        "/segment/v1/track",
        content=gzip.compress(json.dumps(body).encode()),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
        auth=KEY,
    )

    assert (await http.get("/requests")).json()[0]["body"] == body


async def test_waiting_ends(standin: StandIn) -> None:
    """With a clear error, when nothing comes."""
    with pytest.raises(TimeoutError):
        await standin.wait_for(1, seconds=0.01)
