"""The first thing that anybody tries."""

import httpx

from durable_analytics.testing import StandIn


async def test_a_message_arrives(http: httpx.AsyncClient, standin: StandIn) -> None:
    """As curl sends it: no content type of JSON, the write key as user name."""
    answer = await http.post(
        "/v1/track", content='{"userId":"u-1","event":"Hi"}', auth=("segment", "")
    )

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (request,) = await standin.wait_for(1)
    assert request["path"] == "/v1/batch"
    (message,) = request["body"]["batch"]
    assert (message["type"], message["userId"], message["event"]) == ("track", "u-1", "Hi")
