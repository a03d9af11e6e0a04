"""`DELETE /v1/users/{id}`: exactly the person that is meant, where the source may."""

from urllib.parse import quote

import httpx
import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.gateway.arrivals import AUTH, SUCCESS, client, is_well, told
from tests.gateway.processes import Gateway, address, gateway_process
from tests.gateway.test_bad_http import exchange

PATHS = {
    "u-1": "u-1",
    "a%20b": "a b",
    "a/b": "a/b",
    "a%2Fb": "a/b",
    "a%252Fb": "a%2Fb",
    "%2e%2e": "..",
    "..": "..",
    "%00": "\0",
    "%0d%0aX:%20x%0a": "\r\nX: x\n",
    "%": "%",
    "%zz": "%zz",
    "a%C3%A9": "aé",
    "%F0%9F%98%80": "\N{GRINNING FACE}",
    "x" * 10_000: "x" * 10_000,
    "a?b=c": "a",
}


async def delete(gateway: Gateway, path: str) -> int:
    """The status of a deletion, its path as it stands here."""
    request = (
        f"DELETE /v1/users/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer segment\r\n\r\n"
    )
    return (await exchange(gateway, request.encode())).status


@pytest.mark.parametrize(("path", "user_id"), PATHS.items(), ids=[one[:20] for one in PATHS])
async def test_who_is_deleted(gateway: Gateway, standin: StandIn, path: str, user_id: str) -> None:
    """Whoever the path names, in Segment's own words."""
    status = await delete(gateway, path)

    assert status == 200
    (request,) = await standin.wait_for(1)
    assert request["path"] == "/regulations"
    assert request["body"] == {
        "regulationType": "SUPPRESS_WITH_DELETE",
        "subjectType": "USER_ID",
        "subjectIds": [user_id],
    }


@pytest.mark.parametrize("path", ["", "%20", "%FF", "%ED%A0%80", "%C0%AF"])
async def test_nobody_is_deleted(
    gateway: Gateway, http: httpx.AsyncClient, standin: StandIn, path: str
) -> None:
    """A path that names nobody is not taken for somebody else's."""
    status = await delete(gateway, path)

    assert status in {400, 404}
    await is_well(http, standin)
    assert [request["path"] for request in standin.requests] == ["/v1/batch"]


async def test_a_source_that_may_not(temporal: Client, task_queue: str) -> None:
    """403, and the setting; nothing is started."""
    settings = {"ANALYTICS_SOURCES__SEGMENT__ALLOW_DELETE": "false"}

    async with (
        gateway_process(address(temporal), task_queue, settings=settings) as gateway,
        client(gateway) as http,
    ):
        refused = await http.delete("/v1/users/u-1", auth=AUTH)
        unknown = await http.delete("/v1/users/u-1", auth=("nobody", ""))
        taken = await http.delete(f"/v1/users/{quote('u 1')}", auth=("journy", ""))

    assert refused.status_code == 403
    assert told(refused) == "this source may not delete: see sources.segment.allow_delete"
    assert unknown.status_code == 401
    assert (taken.status_code, taken.json()) == (200, SUCCESS)
