"""Three made-up vendors, which differ in all that vendors differ in, through a real worker."""

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import Client

from durable_analytics.providers import Provider
from durable_analytics.testing import VENDORS as INSTALLED
from durable_analytics.testing import StandIn
from tests.support.arrays import Arrays
from tests.support.json_objects import Json
from tests.support.keyed import Keyed
from tests.support.signed import Signed
from tests.support.standin_vendors import VENDORS
from tests.support.worker_settings import QUICK_RETRIES
from tests.worker.deliveries import outcome, own_worker
from worker import IntegrationSettings, Settings

PROVIDERS: dict[str, type[Provider]] = {"arrays": Arrays, "keyed": Keyed, "signed": Signed}


Deliver = Callable[..., Awaitable[Json]]


@pytest.fixture
async def vendors() -> AsyncIterator[StandIn]:
    """A stand-in with these vendors beside those of our providers."""
    async with StandIn({**INSTALLED, **VENDORS}) as running:
        yield running


@pytest.fixture
async def deliver(temporal: Client, vendors: StandIn) -> AsyncIterator[Deliver]:
    """Run a workflow at one of these vendors; returns its output, of a failure too."""
    accounts = {
        name: IntegrationSettings(
            provider=provider.model_validate(
                VENDORS[name].integration_settings(vendors.base_url(name))
            ),
            allow_policies_override=True,
        )
        for name, provider in PROVIDERS.items()
    }
    settings = Settings(integrations=accounts, task_queue=f"wide-{uuid.uuid4()}")

    async def run(workflow: str, integration: str, **input: Any) -> Json:
        handle = await temporal.start_workflow(
            workflow,
            {"integration": integration, "policies": QUICK_RETRIES, **input},
            id=f"wide-{uuid.uuid4()}",
            task_queue=settings.task_queue,
        )
        return await outcome(handle)

    async with own_worker(temporal, settings):
        yield run


def accepted(vendors: StandIn, integration: str) -> list[str | None]:
    """The ids of the messages that a vendor accepted, in order."""
    return [message.id for message in vendors.accepted[integration]]


def sent(vendors: StandIn) -> list[tuple[str, list[str | None]]]:
    """The path of each request, and the ids of the events in it."""
    rows = []
    for request in vendors.requests:
        body = request["body"]
        items = body.get("events", [body]) if isinstance(body, dict) else body
        ids = [item.get("id") or item.get("properties", {}).get("$id") for item in items]
        rows.append((request["path"], ids))
    return rows


def failures(output: Json) -> dict[int, str]:
    """The failure type of each message that was not accepted, by its index."""
    return {row["index"]: row["error"]["type"] for row in output["rejected"]}


def track(number: int, **fields: Any) -> Json:
    """A message of a batch, of one user."""
    return {
        "type": "track",
        "message_id": f"m-{number}",
        "user_id": "u-1",
        "event": f"E {number}",
        **fields,
    }


@pytest.mark.parametrize("integration", PROVIDERS)
@pytest.mark.parametrize("method", ["track", "identify"])
async def test_a_single_message(
    deliver: Deliver, vendors: StandIn, integration: str, method: str
) -> None:
    """With the credentials of its endpoint, and its id where the vendor looks for it."""
    message: Json = {"user_id": "u-1", "message_id": "m-1"}
    if method == "track":
        message["event"] = "E"

    output = await deliver(method.capitalize(), integration, **{method: message})

    assert output["status"] == "success"
    assert accepted(vendors, integration) == ["m-1"]


@pytest.mark.parametrize("integration", PROVIDERS)
async def test_wrong_credentials(
    temporal: Client, vendors: StandIn, integration: str, task_queue: str
) -> None:
    """Each vendor says so in its own way; nothing is tried again."""
    settings = {
        **VENDORS[integration].integration_settings(vendors.base_url(integration)),
        **dict.fromkeys(VENDORS[integration].credentials, "whsec_AAAA"),
    }
    account = IntegrationSettings(provider=PROVIDERS[integration].model_validate(settings))
    worker = Settings(integrations={integration: account}, task_queue=task_queue)
    async with own_worker(temporal, worker):
        handle = await temporal.start_workflow(
            "Track",
            {"track": {"user_id": "u-1", "event": "E"}},
            id=task_queue,
            task_queue=task_queue,
        )
        output = await outcome(handle)

    assert output["error"]["type"] == "Unauthorized"
    assert len(vendors.requests) == 1
    assert accepted(vendors, integration) == []


async def test_one_event_refused_and_one_throttled(deliver: Deliver, vendors: StandIn) -> None:
    """Only the throttled one is sent again, alone; each of the others arrives once."""
    messages = [
        track(0),
        {"type": "page", "message_id": "m-1", "user_id": "u-1", "properties": {"url": "/"}},
        track(2, properties={"busy": True}),
        track(3),
    ]

    output = await deliver("Batch", "keyed", messages=messages)

    assert (output["status"], output["accepted"]) == ("partial", 3)
    assert failures(output) == {1: "Rejected"}
    assert "name is missing" in output["rejected"][0]["error"]["message"]
    assert sent(vendors) == [("/events", ["m-0", "m-1", "m-2", "m-3"]), ("/events", ["m-2"])]
    assert accepted(vendors, "keyed") == ["m-0", "m-3", "m-2"]


async def test_a_form_between_events(deliver: Deliver, vendors: StandIn) -> None:
    """A message that no batch takes goes by itself, in its place."""
    identify = {"type": "identify", "message_id": "m-1", "user_id": "u-1"}

    output = await deliver("Batch", "keyed", messages=[track(0), identify, track(2), track(3)])

    assert output["status"] == "success"
    assert sent(vendors) == [
        ("/events", ["m-0"]),
        ("/identify", ["m-1"]),
        ("/events", ["m-2", "m-3"]),
    ]
    assert accepted(vendors, "keyed") == ["m-0", "m-1", "m-2", "m-3"]


async def test_a_batch_over_two_endpoints(deliver: Deliver, vendors: StandIn) -> None:
    """Each has its credentials; the refused item and the throttled request harm no other."""
    vendors.script("arrays", {}, {"status": 429, "headers": {"Retry-After": "1"}})
    nobody = {"type": "track", "message_id": "m-1", "anonymous_id": "a-1", "event": "E"}
    profiles = [
        {"type": "identify", "message_id": f"m-{number}", "user_id": "u-1"} for number in (3, 4)
    ]

    output = await deliver("Batch", "arrays", messages=[track(0), nobody, track(2), *profiles])

    assert (output["status"], output["accepted"]) == ("partial", 4)
    assert failures(output) == {1: "Rejected"}
    assert sent(vendors) == [
        ("/events", ["m-0", "m-1", "m-2"]),
        ("/profiles", ["m-3", "m-4"]),
        ("/profiles", ["m-3", "m-4"]),
    ]
    assert accepted(vendors, "arrays") == ["m-0", "m-2", "m-3", "m-4"]
    assert [len(request["query"]) for request in vendors.requests] == [1, 1, 1]


async def test_a_batch_without_batch_requests(deliver: Deliver, vendors: StandIn) -> None:
    """Each message has a signature of its own; the throttled one is sent again, alone."""
    vendors.script("signed", {}, {"status": 400}, {"status": 429, "headers": {"Retry-After": "1"}})

    output = await deliver("Batch", "signed", messages=[track(number) for number in range(4)])

    assert (output["status"], output["accepted"]) == ("partial", 3)
    assert failures(output) == {1: "Rejected"}
    assert Counter(accepted(vendors, "signed")) == {"m-0": 1, "m-2": 1, "m-3": 1}
    ids = Counter(request["headers"]["webhook-id"] for request in vendors.requests)
    assert ids == {"m-0": 1, "m-1": 1, "m-2": 2, "m-3": 1}
