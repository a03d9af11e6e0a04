"""Customer.io's official SDK as an oracle: what it really sends, against what we send."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from customerio import CustomerIO  # type: ignore[import-untyped]  # it has no types
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from durable_analytics.providers import Provider
from durable_analytics.testing import VENDORS, Received, Reply, StandIn
from tests.providers.building import SENT_AT, account, added_headers, built
from tests.support.goldens.customerio import BATCHES, TIME, ULID_1, UNIX
from tests.support.json_objects import Json
from tests.support.prepared_batches import prepared

CREDENTIALS = VENDORS["customerio"].credentials


def ours() -> Provider:
    """An account with the credentials of the stand-in."""
    return account("customerio", **CREDENTIALS)


class PlainAdapter(HTTPAdapter):
    """Sends to the stand-in without TLS, which the SDK insists on."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """See base class."""
        assert request.url is not None
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *args, **options)


@dataclass
class Oracle:
    """A stand-in for Customer.io that keeps what arrives, and the SDK that sends to it."""

    client: CustomerIO
    received: list[Received]

    async def send(self, call: Callable[[CustomerIO], Any]) -> Received:
        """What arrives of one call."""
        await asyncio.to_thread(call, self.client)
        return self.received.pop()


@pytest.fixture
async def oracle() -> AsyncIterator[Oracle]:
    """The SDK has no way to set a path, so the stand-in's is added to its addresses."""
    received: list[Received] = []
    vendor = VENDORS["customerio"]

    def answers(request: Received) -> Reply:
        received.append(request)
        return vendor.answers(request)

    async with StandIn({"customerio": replace(vendor, answers=answers)}) as standin:
        url = urlsplit(standin.base_url("customerio"))
        client = CustomerIO(
            CREDENTIALS["site_id"],
            CREDENTIALS["api_key"],
            host=f"127.0.0.1:{url.port}{url.path}",
            retries=0,
        )
        client.http.trust_env = False
        client.http.mount("https://", PlainAdapter())
        yield Oracle(client, received)
        client.close()


async def test_we_send_the_batch_that_the_sdk_sends(oracle: Oracle) -> None:
    """Method, path, credentials, type and body, of all operations that we have."""
    sent = await oracle.send(lambda sdk: sdk.batch([row.request.body for row in BATCHES]))

    messages = [
        {
            "type": row.method,
            "message_id": "m-1",
            "timestamp": TIME,
            **row.message,
        }
        for row in BATCHES
    ]
    for message in messages:
        if message["type"] not in ours().timestamped_methods:
            message["timestamp"] = TIME
    batch = prepared(ours(), messages)
    our = batch.request(batch.messages, SENT_AT)
    assert (sent.method, sent.path) == (our.method, urlsplit(our.url).path)
    assert sent.headers["authorization"] == added_headers(ours())["Authorization"]
    assert sent.headers["content-type"] == our.content_type()
    assert sent.body == {"batch": [row.request.body for row in BATCHES]}
    assert sent.content.startswith(b'{"batch"')


async def test_an_event_has_the_sdks_fields(oracle: Oracle) -> None:
    """The SDK sends events by version 1, where attributes are called data."""
    when = datetime.fromisoformat(TIME)
    data = {"price": 23.45, "at": when, "nested": {"at": when}}
    sent = await oracle.send(
        lambda sdk: sdk.track("u-1", "purchased", data, id=ULID_1, timestamp=when)
    )

    properties = {"price": 23.45, "at": TIME, "nested": {"at": TIME}}
    our: Json = dict(
        built(
            ours(),
            "track",
            {"user_id": "u-1", "event": "purchased", "properties": properties, "timestamp": TIME},
        ).body
    )
    assert sent.body == {
        "name": our["name"],
        "data": our["attributes"],
        "id": our["id"],
        "timestamp": our["timestamp"],
    }
    assert our["timestamp"] == our["attributes"]["at"] == UNIX


async def test_a_person_has_the_sdks_attributes(oracle: Oracle) -> None:
    created = datetime.fromisoformat(TIME)
    sent = await oracle.send(
        lambda sdk: sdk.identify("u-1", email="ada@example.com", created_at=created)
    )

    traits = {"email": "ada@example.com", "createdAt": TIME}
    our = built(ours(), "identify", {"user_id": "u-1", "traits": traits}).body
    assert sent.body == our["attributes"]


async def test_a_merge_has_the_sdks_people(oracle: Oracle) -> None:
    """The one that remains first."""
    sent = await oracle.send(
        lambda sdk: sdk.merge_customers("email", "new@example.com", "id", "old")
    )

    alias = {"new_user_id": "new@example.com", "previous_user_id": "old"}
    our = built(ours(), "alias", alias).body
    assert sent.body == {name: our[name] for name in ("primary", "secondary")}


async def test_an_event_of_an_anonymous_person_has_the_sdks_fields(oracle: Oracle) -> None:
    """The SDK's version 1 has the anonymous id beside the event, version 2 in the identifiers."""
    when = datetime.fromisoformat(TIME)
    sent = await oracle.send(
        lambda sdk: sdk.track_anonymous("a-1", "purchased", {"price": 2}, ULID_1, when)
    )

    message = {
        "anonymous_id": "a-1",
        "event": "purchased",
        "properties": {"price": 2},
        "timestamp": TIME,
    }
    our = built(ours(), "track", message).body
    assert sent.body == {
        "anonymous_id": our["identifiers"]["anonymous_id"],
        "name": our["name"],
        "data": our["attributes"],
        "id": our["id"],
        "timestamp": our["timestamp"],
    }


async def test_a_page_has_the_sdks_name_and_attributes(oracle: Oracle) -> None:
    """The SDK's call has neither a time nor an id."""
    url = "https://example.com/pricing"
    sent = await oracle.send(lambda sdk: sdk.pageview("u-1", url, url=url, rows=2))

    page = {"user_id": "u-1", "properties": {"url": url, "rows": 2}}
    our = built(ours(), "page", page).body
    assert sent.body == {"type": our["action"], "name": our["name"], "data": our["attributes"]}


async def test_a_deletion_is_of_the_sdks_person(oracle: Oracle) -> None:
    """The SDK's version 1 names the person in the path."""
    sent = await oracle.send(lambda sdk: sdk.delete("u-1"))

    our = built(ours(), "delete", {"user_id": "u-1"}).body
    assert our["action"] == sent.method.lower()
    assert sent.path == f"/api/v1/customers/{our['identifiers']['id']}"
