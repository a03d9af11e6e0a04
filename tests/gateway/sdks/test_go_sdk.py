"""Segment's SDK for Go: a request that it wrote, recorded with its version 3.3.0.

The program that sent it has the messages of examples/segment-java. The test needs no Go, and does
not show how the SDK behaves after a response.
"""

import json
from pathlib import Path
from uuid import uuid4

import httpx

from durable_analytics.testing import StandIn
from tests.support.gateway_process import Gateway
from tests.support.json_objects import Json
from tests.support.recording_proxy import all_arrived, plain

RECORDED: Json = json.loads(Path(__file__).with_name("analytics_go.json").read_text())
SENT_AT = "2026-01-01T09:00:00.123456789Z"
"""More than a day ago: the gateway takes no time as that of a wrong clock."""


async def test_recorded_request_arrives_unchanged_and_once(
    gateway: Gateway, standin: StandIn
) -> None:
    """Times keep their nanoseconds, `all` its spelling; the second request is a retry."""
    body = RECORDED["body"]
    messages = [{**message, "messageId": str(uuid4())} for message in body["batch"]]
    content = json.dumps({**body, "batch": messages, "sentAt": SENT_AT})

    async with httpx.AsyncClient(base_url=gateway.url, headers=RECORDED["headers"]) as http:
        responses = [await http.post(RECORDED["path"], content=content) for _ in range(2)]

    assert [response.status_code for response in responses] == [200, 200]
    ids = [message["messageId"] for message in messages]
    arrived = await all_arrived(standin, ids)
    library = body["context"]
    expected = [{**one, "context": {**library, **one.get("context", {})}} for one in messages]
    assert plain(arrived, set()) == plain(expected, set())
    assert [one["timestamp"] for one in arrived] == [one["timestamp"] for one in expected]
    assert [message["messageId"] for message in arrived] == ids
