"""Sends messages to a gateway, and finds them at the provider and in Temporal."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import httpx
from pydantic import SecretStr
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from durable_analytics.testing import StandIn
from gateway.partition import read_parts_of_batch
from gateway.rate_limit import RateLimit
from gateway.settings import SourceSettings
from gateway.sources import Source
from gateway.translation import Arrival
from tests.support.delivered import messages
from tests.support.gateway_process import Gateway
from tests.support.json_objects import Json

AUTH = ("segment", "")
"""The write key, in the way that SDKs send it."""

SUCCESS = {"success": True}


def client(gateway: Gateway) -> httpx.AsyncClient:
    """Return an HTTP client of a gateway."""
    return httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30)


def good(**fields: object) -> Json:
    """Return a valid message with a new id."""
    return {"type": "track", "userId": "u-1", "event": "Good", "messageId": str(uuid4()), **fields}


def ids(sent: Iterable[Json]) -> list[str]:
    """Return the ids of messages."""
    return [message["messageId"] for message in sent if "messageId" in message]


async def arrived(standin: StandIn, wanted: Iterable[str]) -> list[Json]:
    """Wait until Segment has messages with these ids; returns them in order of arrival."""
    wanted = set(wanted)
    async with asyncio.timeout(60):
        requests = 0
        while not wanted <= set(ids(messages(standin))):
            requests += 1
            await standin.wait_for(requests)
    return [message for message in messages(standin) if message.get("messageId") in wanted]


async def assert_accepts_messages(http: httpx.AsyncClient, standin: StandIn) -> None:
    """Assert that a valid message is accepted and delivered."""
    message = good()
    response = await http.post("/v1/track", json=message, auth=AUTH)

    assert (response.status_code, response.json()) == (200, SUCCESS)
    await arrived(standin, ids([message]))


def error_message(response: httpx.Response) -> str:
    """Return the message of an error response, which has Segment's format."""
    body = response.json()
    assert body.keys() == {"success", "code", "message"}
    assert body["success"] is False
    message: str = body["message"]
    return message


def batch_id(sent: Sequence[Json], source: str = "segment", integration: str = "segment") -> str:
    """Return the workflow id of a list of messages, which is the same in every gateway."""
    settings = SourceSettings(write_key=SecretStr(source))
    arrival = Arrival(datetime.now(UTC))
    (part,) = read_parts_of_batch(
        {"batch": list(sent)}, arrival, Source(source, settings, RateLimit(None))
    )
    return f"{integration}:batch:{part.unique}"


async def outcome(temporal: Client, workflow_id: str) -> Json:
    """Return the output of a batch, even if it failed."""
    handle = temporal.get_workflow_handle(workflow_id)
    try:
        output: Json = await handle.result()
    except WorkflowFailureError as failure:
        assert isinstance(failure.cause, ApplicationError)
        output = failure.cause.details[0]
    return output


async def executions(
    temporal: Client, task_queue: str, count: int
) -> list[WorkflowHandle[object, object]]:
    """Wait until Temporal lists this many executions of a task queue, and return them."""
    async with asyncio.timeout(60):
        while True:
            listed = temporal.list_workflows(f"TaskQueue = '{task_queue}'")
            handles = [temporal.get_workflow_handle(listing.id) async for listing in listed]
            if len(handles) >= count:
                return handles


async def inputs(handle: WorkflowHandle[object, object]) -> bytes:
    """Return the input of an execution, as Temporal stores it."""
    async for event in handle.fetch_history_events():
        started = event.workflow_execution_started_event_attributes
        return b"".join(payload.data for payload in started.input.payloads)
    raise AssertionError(handle.id)
