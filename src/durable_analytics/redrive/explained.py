"""All that is known about one failed delivery."""

from temporalio.client import Client

from durable_analytics.errors import ValidationError
from durable_analytics.redrive.failures import FailedDelivery, list_failed
from durable_analytics.redrive.filters import Filters
from durable_analytics.redrive.recorded import read_recorded
from durable_analytics.wire.messages import JsonObject


async def explain_failed(client: Client, workflow_id: str, task_queue: str) -> JsonObject | None:
    """Return the latest failed delivery of a workflow id; None if there is none.

    Args:
        client: A client that can read the payloads.
        workflow_id: The workflow id.
        task_queue: The task queue of the workers.

    Returns:
        The row of the list, and: `input`, as the execution was started (null if it is not JSON);
        `rejected`, of a batch, the refused messages; `attempts`; `response`, the provider's last.
    """
    latest: FailedDelivery | None = None
    async for failed in list_failed(client, Filters(workflow_ids=(workflow_id,)), task_queue):
        if latest is None or failed.closed_at > latest.closed_at:
            latest = failed
    return None if latest is None else await _explain(client, latest)


async def _explain(client: Client, failed: FailedDelivery) -> JsonObject:
    try:
        recorded = await read_recorded(client, failed.method, failed.workflow_id, failed.run_id)
        input: JsonObject | None = recorded.data
    except ValidationError:
        input = None
    output = failed.output
    responses = output.get("responses") or [output.get("response")]
    attempts = [one for each in responses if each for one in each.get("attempts", [])]
    rejected = {"rejected": output["rejected"]} if output.get("rejected") else {}
    return {
        **failed.as_json(),
        "input": input,
        **rejected,
        "attempts": output.get("attempts", attempts),
        "response": responses[-1],
    }
