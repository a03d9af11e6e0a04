"""Deliver from a workflow of your own: as a child workflow, or by the activities alone.

Nothing of this project is imported: names and JSON are all it takes, in any SDK's language.
"""

import asyncio
import gc
from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, ChildWorkflowError
from temporalio.worker import Worker
from temporalio.workflow import ParentClosePolicy

ANALYTICS = "analytics"
"""The task queue of the analytics workers."""

OWN_TASK_QUEUE = "orders"

Json = dict[str, Any]


@workflow.defn
class ByChildWorkflow:
    """The delivery is a second execution, with its own history and the integration's policies."""

    @workflow.run
    async def run(self, message: Json) -> Json:
        """Deliver, and return the output; a failed delivery does not fail the order."""
        try:
            output: Json = await workflow.execute_child_workflow(
                "Track",
                {"integration": "segment", "track": message},
                id=f"{workflow.info().workflow_id}:track",
                task_queue=ANALYTICS,
            )
        except ChildWorkflowError as error:
            if not isinstance(error.cause, ApplicationError):
                raise  # It was cancelled or terminated.
            failed: Json = error.cause.details[0]
            return failed
        return output


@workflow.defn
class WithoutWaiting:
    """Start the child and end; with the policy "abandon", the child outlives its parent."""

    @workflow.run
    async def run(self, message: Json) -> str:
        """Return the id of the delivery."""
        child = await workflow.start_child_workflow(
            "Track",
            {"integration": "segment", "track": message},
            id=f"{workflow.info().workflow_id}:track",
            task_queue=ANALYTICS,
            parent_close_policy=ParentClosePolicy.ABANDON,
        )
        return child.id


@workflow.defn
class ByActivities:
    """There is no second execution; this workflow sets timeouts and retries."""

    @workflow.run
    async def run(self, message: Json) -> Json:
        """Validate, request, and return the response and the attempts."""
        delivery = {"integration": "segment", "track": message}
        plan: Json = await workflow.execute_activity(
            "Track.Validation",
            args=[delivery, {"started_at": workflow.info().workflow_start_time.isoformat()}],
            task_queue=ANALYTICS,
            start_to_close_timeout=timedelta(seconds=5),
            schedule_to_close_timeout=timedelta(hours=24),
        )
        result: Json = await workflow.execute_activity(
            "Track.Request",
            args=[delivery, plan],
            task_queue=plan["task_queue"],
            start_to_close_timeout=timedelta(seconds=3),
            schedule_to_close_timeout=timedelta(hours=24),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=60)),
        )
        return result


@workflow.defn
class ByRequestAlone:
    """The shortest way: Request validates too, and an invalid message fails it at once."""

    @workflow.run
    async def run(self, message: Json) -> Json:
        """Request, and return the response and the attempts."""
        result: Json = await workflow.execute_activity(
            "Track.Request",
            {"integration": "segment", "track": message},
            task_queue=ANALYTICS,
            start_to_close_timeout=timedelta(seconds=3),
            schedule_to_close_timeout=timedelta(hours=24),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=60)),
        )
        return result


async def main() -> None:
    """Run the workflows; Temporal is where `TEMPORAL_ADDRESS` says, or at localhost:7233."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    client = await Client.connect(**config)

    workflows = [ByChildWorkflow, WithoutWaiting, ByActivities, ByRequestAlone]
    async with Worker(client, task_queue=OWN_TASK_QUEUE, workflows=workflows):

        async def execute(workflow_type: str, message: Json) -> Any:
            return await client.execute_workflow(
                workflow_type, message, id=f"order-{uuid4()}", task_queue=OWN_TASK_QUEUE
            )

        order: Json = {"user_id": "u-1", "event": "Order Completed"}

        output = await execute("ByChildWorkflow", order)
        print("child workflow:", output["status"], output["response"]["status_code"])

        failed = await execute("ByChildWorkflow", {"user_id": "u-1"})
        print("child workflow:", failed["status"], failed["error"]["message"])

        child_id = await execute("WithoutWaiting", order)
        output = await client.get_workflow_handle(child_id).result()
        print("abandoned child workflow:", output["status"], output["response"]["status_code"])

        result = await execute("ByActivities", order)
        print("activities:", result["response"]["status_code"], result["response"]["body"])

        result = await execute("ByRequestAlone", order)
        print("request alone:", result["response"]["status_code"], result["response"]["body"])


if __name__ == "__main__":
    asyncio.run(main())
    gc.collect()  # Otherwise Python may hang or crash at its end: sdk-python issue 300.
