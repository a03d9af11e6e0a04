"""The stand-in answers as Mixpanel does: an import takes the good events and lists the bad."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Json

TOKEN = "mixpanel-project-token"
ACCOUNT = httpx.BasicAuth("mixpanel-service-account", "mixpanel-service-account-secret")
IMPORT = "/import?strict=1&project_id=2195193"
GOOD: Json = {"time": 1769851800000, "distinct_id": "u-1", "$insert_id": "m-1"}


def event(changes: Json | None = None, name: str = "E") -> Json:
    """An event that Mixpanel takes, but for these changes."""
    return {"event": name, "properties": {**GOOD, **(changes or {})}}


@pytest.fixture
async def http(standin: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of this vendor."""
    url = standin.base_url("mixpanel")
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield client


async def test_lists_wrong_events_and_takes_the_others(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    items = [
        event(),
        event(name=""),
        event({"time": "2026"}),
        event({"time": 1}),
        event({"time": 9_000_000_000_000}),
        event({"distinct_id": "anonymous"}),
        event({"$insert_id": "a_b"}),
        event({f"p{number}": 1 for number in range(254)}),
        3,
        event({"$insert_id": "m-2"}),
    ]
    response = await http.post(IMPORT, json=items, auth=ACCOUNT)

    answer = response.json()
    assert (response.status_code, answer["num_records_imported"]) == (400, 2)
    assert {one["index"]: one["field"] for one in answer["failed_records"]} == {
        1: "event",
        2: "properties.time",
        3: "properties.time",
        4: "properties.time",
        5: "properties.distinct_id",
        6: "properties.$insert_id",
        7: "properties",
        8: "event",
    }
    assert [message.id for message in standin.accepted["mixpanel"]] == ["m-1", "m-2"]


@pytest.mark.parametrize(
    ("path", "auth", "status"),
    [
        (IMPORT, ACCOUNT, 200),
        ("/import?strict=1", ACCOUNT, 401),
        ("/import?strict=1", httpx.BasicAuth(TOKEN, ""), 200),
        (IMPORT, httpx.BasicAuth("wrong", ""), 401),
    ],
)
async def test_an_import_is_authorized_by_a_header(
    http: httpx.AsyncClient, path: str, auth: httpx.Auth, status: int
) -> None:
    """A service account belongs to a project."""
    response = await http.post(path, json=[event()], auth=auth)

    assert response.status_code == status


@pytest.mark.parametrize("path", ["/engage", "/groups", "/track"])
@pytest.mark.parametrize(("token", "status"), [(TOKEN, 200), ("wrong", 401)])
async def test_updates_hold_the_token(
    http: httpx.AsyncClient, standin: StandIn, path: str, token: str, status: int
) -> None:
    """In an array, or in a form as the SDKs send it; the stand-in does not show it."""
    item: Json = {"$token": token, "$distinct_id": "u-1", "$set": {}}
    if path == "/track":
        item = {"event": "$create_alias", "properties": {"token": token}}

    array = await http.post(path, json=[item])
    form = await http.post(path, data={"data": json.dumps(item)})

    assert (array.status_code, form.status_code) == (status, status)
    assert TOKEN not in json.dumps(standin.requests[0])


async def test_a_wrong_update_is_answered_with_200(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    response = await http.post("/engage", json=[{"$token": TOKEN, "$set": {}}])

    assert (response.status_code, response.json()["status"]) == (200, 0)
    assert standin.accepted["mixpanel"] == []


@pytest.mark.parametrize(("count", "size"), [(2001, 1), (11, 1_000_000)])
async def test_an_import_has_limits(http: httpx.AsyncClient, count: int, size: int) -> None:
    items = [event({"x": "x" * size})] * count

    response = await http.post(IMPORT, json=items, auth=ACCOUNT)

    assert response.status_code == 413


async def test_a_deletion_has_two_tokens(http: httpx.AsyncClient) -> None:
    path, body = "/api/app/data-deletions/v3.0/", {"distinct_ids": ["u-1"]}
    bearer = {"Authorization": "Bearer mixpanel-gdpr-token"}

    taken = await http.post(f"{path}?token={TOKEN}", json=body, headers=bearer)
    refused = [
        await http.post(path, json=body, headers=bearer),
        await http.post(f"{path}?token={TOKEN}", json=body),
    ]

    assert taken.status_code == 200
    assert [response.status_code for response in refused] == [401, 401]
