"""`DELETE /v1/users/{id}` deletes the named person if the source may."""

from urllib.parse import quote

import httpx
import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.gateway_messages import (
    AUTH,
    SUCCESS,
    assert_accepts_messages,
    client,
    error_message,
)
from tests.support.gateway_process import Gateway, address, gateway_process
from tests.support.raw_http import exchange

PATHS = {
    "u-1": "u-1",
    "a%20b": "a b",
    "a/b": "a/b",
    "a%2Fb": "a/b",
    "a%252Fb": "a%2Fb",
    "%2e%2e": "..",
    "..": "..",
    "%": "%",
    "%zz": "%zz",
    "a%C3%A9": "aé",
    "%F0%9F%98%80": "\N{GRINNING FACE}",
    "x" * 10_000: "x" * 10_000,
    "a?b=c": "a",
}


async def delete(gateway: Gateway, path: str) -> int:
    """Send a deletion with this raw path, and return the status."""
    request = (
        f"DELETE /v1/users/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer segment\r\n\r\n"
    )
    return (await exchange(gateway, request.encode())).status


@pytest.mark.parametrize(("path", "user_id"), PATHS.items(), ids=[path[:20] for path in PATHS])
async def test_user_id_in_path_is_deleted(
    gateway: Gateway, standin: StandIn, path: str, user_id: str
) -> None:
    """The request to Segment names the decoded user id."""
    status = await delete(gateway, path)

    assert status == 200
    (request,) = await standin.wait_for(1)
    assert request["path"] == "/regulations"
    assert request["body"] == {
        "regulationType": "SUPPRESS_WITH_DELETE",
        "subjectType": "USER_ID",
        "subjectIds": [user_id],
    }


@pytest.mark.parametrize(
    "path", ["", "%20", "%FF", "%ED%A0%80", "%C0%AF", "%00", "a%0ab", "%0d%0aX:%20x%0a"]
)
async def test_invalid_user_id_deletes_nobody(
    gateway: Gateway, http: httpx.AsyncClient, standin: StandIn, path: str
) -> None:
    """An empty id, one that is not UTF-8, or one with control characters."""
    status = await delete(gateway, path)

    assert status in {400, 404}
    await assert_accepts_messages(http, standin)
    assert [request["path"] for request in standin.requests] == ["/v1/batch"]


async def test_delete_needs_permission_of_the_source(temporal: Client, task_queue: str) -> None:
    """The response is 403 and names the setting."""
    settings = {"ANALYTICS_SOURCES__SEGMENT__ALLOW_DELETE": "false"}

    async with (
        gateway_process(address(temporal), task_queue, settings=settings) as gateway,
        client(gateway) as http,
    ):
        refused = await http.delete("/v1/users/u-1", auth=AUTH)
        unknown = await http.delete("/v1/users/u-1", auth=("nobody", ""))
        taken = await http.delete(f"/v1/users/{quote('u 1')}", auth=("journy", ""))

    assert refused.status_code == 403
    assert (
        error_message(refused)
        == "deletes are not allowed: set sources.segment.allow_delete to allow them"
    )
    assert unknown.status_code == 401
    assert (taken.status_code, taken.json()) == (200, SUCCESS)
