"""Batches: their messages, their starts, and what requests and outputs tell of each message."""

import uuid
from typing import Any

from temporalio.client import Client, WorkflowHandle

from tests.support.json_objects import Json

TRACK: Json = {"type": "track", "user_id": "u-1", "event": "E"}
BAD: Json = {"type": "track", "user_id": "u-1"}
DELETE: Json = {"type": "delete", "user_id": "u-1", "message_id": "m-delete"}


def numbered(count: int, **fields: Any) -> list[Json]:
    """Messages of as many users, whose ids tell them apart."""
    return [
        {**TRACK, "user_id": f"u-{number}", "message_id": f"m-{number}", **fields}
        for number in range(count)
    ]


def rejected_ids(output: Json) -> dict[int, str | None]:
    """The id that an output tells of each message that was not accepted, by its index."""
    return {one["index"]: one["message_id"] for one in output["rejected"]}


async def start_batch(client: Client, task_queue: str, data: Json) -> WorkflowHandle[Any, Any]:
    """Start a `Batch`."""
    return await client.start_workflow(
        "Batch", data, id=f"batch-{uuid.uuid4()}", task_queue=task_queue
    )


def ids(request: Json) -> list[str]:
    """The message ids in a batch request, in their order; of a deletion its path."""
    if "batch" not in request["body"]:
        return [request["path"]]
    return [item["messageId"] for item in request["body"]["batch"]]


def told(output: Json) -> dict[int, tuple[str, str]]:
    """The failure type and the id of each message that was not accepted, by its index."""
    return {o["index"]: (o["error"]["type"], o["message_id"]) for o in output["rejected"]}
