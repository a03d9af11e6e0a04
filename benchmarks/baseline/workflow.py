"""The baseline workflow: the steps of `Track` without their work; it measures what Temporal costs.

It passes its input to one local activity and, on a task queue of its own as for an integration, to
one activity.
"""

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

Json = dict[str, Any]

_TIMEOUT = timedelta(seconds=5)


def requests_queue(task_queue: str) -> str:
    """Return the task queue of the activity, from that of the workflow."""
    return f"{task_queue}-requests"


@activity.defn
async def validate_nothing(input: Json) -> Json:
    """Do nothing; `Track` validates here."""
    del input
    return {}


@activity.defn
async def send_nothing(input: Json, plan: Json) -> Json:
    """Do nothing; `Track` sends the request here."""
    del input, plan
    return {}


@workflow.defn
class Baseline:
    """A workflow with the same steps as a delivery."""

    @workflow.run
    async def run(self, input: Json) -> Json:
        """Run both activities."""
        plan = await workflow.execute_local_activity(
            validate_nothing, input, start_to_close_timeout=_TIMEOUT
        )
        return await workflow.execute_activity(
            send_nothing,
            args=[input, plan],
            task_queue=requests_queue(workflow.info().task_queue),
            start_to_close_timeout=_TIMEOUT,
        )
