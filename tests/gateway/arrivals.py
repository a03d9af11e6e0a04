"""What went in through the gateway, looked for where it has to come out."""

import asyncio
from collections.abc import Iterable
from uuid import UUID, uuid4, uuid5

import httpx
from pydantic_core import to_json
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from durable_analytics.testing import StandIn
from tests.client.buffering.delivered import messages
from tests.conftest import Json
from tests.gateway.processes import Gateway

AUTH = ("segment", "")
"""As an SDK sends a write key."""

SUCCESS = {"success": True}

_BATCHES = UUID("0c3d5f0a-5a55-5b0e-8f0e-6d3f0f2b6a4e")


def client(gateway: Gateway) -> httpx.AsyncClient:
    """A client of a gateway."""
    return httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30)


def good(**fields: object) -> Json:
    """A message with an id of its own."""
    return {"type": "track", "userId": "u-1", "event": "Good", "messageId": str(uuid4()), **fields}


def ids(sent: Iterable[Json]) -> list[str]:
    """The ids of messages."""
    return [one["messageId"] for one in sent if "messageId" in one]


async def arrived(standin: StandIn, wanted: Iterable[str]) -> list[Json]:
    """Wait until Segment has these; returns them in the order in which it got them."""
    wanted = set(wanted)
    async with asyncio.timeout(60):
        requests = 0
        while not wanted <= set(ids(messages(standin))):
            requests += 1
            await standin.wait_for(requests)
    return [one for one in messages(standin) if one.get("messageId") in wanted]


async def is_well(http: httpx.AsyncClient, standin: StandIn) -> None:
    """A good message still arrives."""
    message = good()
    answer = await http.post("/v1/track", json=message, auth=AUTH)

    assert (answer.status_code, answer.json()) == (200, SUCCESS)
    await arrived(standin, ids([message]))


def told(answer: httpx.Response) -> str:
    """What a refusal says, in the form of Segment's."""
    body = answer.json()
    assert body.keys() == {"success", "code", "message"}
    assert body["success"] is False
    message: str = body["message"]
    return message


def batch_id(sent: Iterable[str], source: str = "segment", integration: str = "segment") -> str:
    """The workflow id of messages that were sent together, the same for every gateway."""
    return f"{integration}:batch:{uuid5(_BATCHES, to_json([source, *sent]).decode())}"


async def outcome(temporal: Client, workflow_id: str) -> Json:
    """The output of a batch, of one that failed too."""
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
    """Wait until Temporal lists so many executions of a task queue, and return them."""
    async with asyncio.timeout(60):
        while True:
            listed = temporal.list_workflows(f"TaskQueue = '{task_queue}'")
            there = [temporal.get_workflow_handle(one.id) async for one in listed]
            if len(there) >= count:
                return there


async def inputs(handle: WorkflowHandle[object, object]) -> bytes:
    """The input of an execution, as Temporal stores it."""
    async for event in handle.fetch_history_events():
        started = event.workflow_execution_started_event_attributes
        return b"".join(payload.data for payload in started.input.payloads)
    raise AssertionError(handle.id)
