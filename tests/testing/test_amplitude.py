"""The stand-in answers as Amplitude does: all events of a request are taken, or none."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Json

KEY: Json = {"api_key": "amplitude-api-key"}
GOOD: Json = {"user_id": "user-1", "event_type": "E", "time": 1, "insert_id": "m-1"}


@pytest.fixture
async def http(standin: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of this vendor."""
    url = standin.base_url("amplitude")
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("path", ["/2/httpapi", "/batch"])
async def test_takes_events(http: httpx.AsyncClient, standin: StandIn, path: str) -> None:
    response = await http.post(path, json={**KEY, "events": [GOOD]})

    assert (response.status_code, response.json()["events_ingested"]) == (200, 1)
    assert [message.id for message in standin.accepted["amplitude"]] == ["m-1"]


@pytest.mark.parametrize("key", [{}, {"api_key": "wrong"}])
async def test_refuses_a_wrong_key(http: httpx.AsyncClient, key: Json) -> None:
    """With a 400, as Amplitude does."""
    response = await http.post("/batch", json={**key, "events": [GOOD]})

    assert response.status_code == 400
    assert response.json()["error"].startswith("Invalid API key")


async def test_lists_wrong_events_and_takes_none(http: httpx.AsyncClient, standin: StandIn) -> None:
    events: list[Any] = [
        GOOD,
        {**GOOD, "event_type": ""},
        {**GOOD, "time": "2026"},
        {**GOOD, "user_id": "u"},
        3,
    ]
    response = await http.post("/batch", json={**KEY, "events": events})

    assert (response.status_code, response.json()) == (
        400,
        {
            "code": 400,
            "error": "Request has invalid events",
            "events_with_missing_fields": {"event_type": [1, 4], "user_id": [4]},
            "events_with_invalid_fields": {"time": [2]},
            "events_with_invalid_id_lengths": {"user_id": [3]},
        },
    )
    assert standin.accepted["amplitude"] == []


async def test_throttles_too_many_events_of_one_user(http: httpx.AsyncClient) -> None:
    """Those beyond the limit are listed; the next time, all are taken."""
    events = [{**GOOD, "insert_id": f"m-{number}"} for number in range(32)]
    body = {**KEY, "events": events}

    first = await http.post("/2/httpapi", json=body)
    second = await http.post("/2/httpapi", json=body)

    assert (first.status_code, first.json()["throttled_events"]) == (429, [30, 31])
    assert first.json()["throttled_users"] == {"user-1": 32}
    assert second.status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"events": []}, 400),
        ({"events": [GOOD] * 2001}, 413),
        ({"events": [{**GOOD, "event_properties": {"x": "x" * 1_000_000}}]}, 413),
    ],
)
async def test_has_limits(http: httpx.AsyncClient, body: Json, status: int) -> None:
    response = await http.post("/2/httpapi", json={**KEY, **body})

    assert response.status_code == status


@pytest.mark.parametrize("path", ["/identify", "/groupidentify", "/usermap"])
async def test_takes_forms(http: httpx.AsyncClient, path: str) -> None:
    response = await http.post(path, data={**KEY, "identification": "[]"})

    assert (response.status_code, response.text) == (200, "success")


async def test_a_deletion_has_both_keys(http: httpx.AsyncClient) -> None:
    """The API key alone does not delete."""
    body = {**KEY, "user_ids": ["user-1"]}
    auth = httpx.BasicAuth("amplitude-api-key", "amplitude-secret-key")

    refused = await http.post("/api/2/deletions/users", json=body)
    taken = await http.post("/api/2/deletions/users", json=body, auth=auth)

    assert (refused.status_code, taken.status_code) == (400, 200)
