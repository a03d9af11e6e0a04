"""A team's own workflow, which tracks what it did."""

from typing import Any

from temporalio import workflow


@workflow.defn(name="OrderPlaced")
class OrderPlaced:
    """Tracks through a child workflow."""

    @workflow.run
    async def run(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return the output of the delivery."""
        output: dict[str, Any] = await workflow.execute_child_workflow(
            "Track", {"integration": "segment", "track": message}
        )
        return output
