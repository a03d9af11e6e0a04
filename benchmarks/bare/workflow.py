"""The bare workflow: the shape of `Track` without its work, as the measure of what Temporal costs.

It hands its input to one local activity and one activity, as any workflow that does something with
a message has to.
"""

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

Json = dict[str, Any]

_TIMEOUT = timedelta(seconds=5)


@activity.defn
async def look(input: Json) -> Json:
    """Do nothing, where `Track` validates."""
    del input
    return {}


@activity.defn
async def send(input: Json, plan: Json) -> Json:
    """Do nothing, where `Track` sends."""
    del input, plan
    return {}


@workflow.defn
class Bare:
    """The same steps as a delivery."""

    @workflow.run
    async def run(self, input: Json) -> Json:
        """Do nothing, twice."""
        plan = await workflow.execute_local_activity(look, input, start_to_close_timeout=_TIMEOUT)
        return await workflow.execute_activity(
            send, args=[input, plan], start_to_close_timeout=_TIMEOUT
        )
