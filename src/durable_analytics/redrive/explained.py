"""All that is known about what failed in one execution."""

from temporalio.client import Client

from durable_analytics.errors import UnreadablePayload, ValidationError
from durable_analytics.redrive.failures import FailedDelivery, list_failed
from durable_analytics.redrive.filters import Filters
from durable_analytics.redrive.recorded import read_recorded
from durable_analytics.wire.messages import JsonObject


async def explain_failed(client: Client, workflow_id: str, task_queue: str) -> JsonObject | None:
    """Return what failed in the latest failed run of a workflow id; None if there is none.

    Args:
        client: A client that can read the payloads.
        workflow_id: The workflow id.
        task_queue: The task queue of the workers.

    Returns:
        The row of the list, and: `input`, as the execution was started (null if it cannot
        be read);
        `rejected`, of a batch, the refused messages; `attempts`; `response`, the provider's last.
        If a fan-out failed at several integrations: the first one, and `others`, a list with the
        same keys without `input`.
    """
    latest: list[FailedDelivery] = []
    async for failed in list_failed(client, Filters(workflow_ids=(workflow_id,)), task_queue):
        if latest and failed.run_id != latest[0].run_id:
            if failed.closed_at <= latest[0].closed_at:
                continue
            latest = []
        latest.append(failed)
    if not latest:
        return None
    first, *others = latest
    more = {"others": [{**one.as_json(), **_details(one)} for one in others]} if others else {}
    return {
        **first.as_json(),
        "input": await _input(client, first),
        **_details(first),
        **more,
    }


async def _input(client: Client, failed: FailedDelivery) -> JsonObject | None:
    try:
        recorded = await read_recorded(client, failed.method, failed.workflow_id, failed.run_id)
    except (ValidationError, UnreadablePayload):
        return None
    return recorded.data


def _details(failed: FailedDelivery) -> JsonObject:
    output = failed.output
    responses = output.get("responses") or [output.get("response")]
    attempts = [one for each in responses if each for one in each.get("attempts", [])]
    rejected = {"rejected": output["rejected"]} if output.get("rejected") else {}
    return {
        **rejected,
        "attempts": output.get("attempts", attempts),
        "response": responses[-1],
    }
