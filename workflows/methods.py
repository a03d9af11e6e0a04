"""The workflows, one for each method. The input is raw; the Validation activity checks it.

If a signature had a model, Temporal would parse the input before the workflow runs. An invalid
input would then fail the workflow *task*, which Temporal retries forever.
"""

from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from durable_analytics.wire.methods import ABSENT
    from workflows.batching import deliver_batch
    from workflows.delivery import deliver
    from workflows.integration_control import Integration

Output = dict[str, Any]


@workflow.defn(name="Identify")
class Identify:
    """Deliver the ids and traits of a person."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputIdentify`."""
        return await deliver("identify", input)


@workflow.defn(name="Track")
class Track:
    """Deliver what a person did."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputTrack`."""
        return await deliver("track", input)


@workflow.defn(name="Group")
class Group:
    """Deliver which company, team or account a person belongs to."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputGroup`."""
        return await deliver("group", input)


@workflow.defn(name="Alias")
class Alias:
    """Deliver the fact that two ids belong to the same person."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputAlias`."""
        return await deliver("alias", input)


@workflow.defn(name="Page")
class Page:
    """Deliver which web page a person saw."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputPage`."""
        return await deliver("page", input)


@workflow.defn(name="Screen")
class Screen:
    """Deliver which screen of an app a person saw."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputScreen`."""
        return await deliver("screen", input)


@workflow.defn(name="Delete")
class Delete:
    """Suppress a person and delete the stored data about the person."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputDelete`."""
        return await deliver("delete", input)


@workflow.defn(name="Annotate")
class Annotate:
    """Deliver an event that concerns all people."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputAnnotate`."""
        return await deliver("annotate", input)


@workflow.defn(name="Metric")
class Metric:
    """Deliver a number to add to a metric of a person."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputMetric`."""
        return await deliver("metric", input)


@workflow.defn(name="Call")
class Call:
    """Call any other endpoint of the provider."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputCall`."""
        return await deliver("call", input)


@workflow.defn(name="Batch")
class Batch:
    """Deliver many messages of any methods to one integration."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputBatch`."""
        return await deliver_batch(input)


WORKFLOWS = [
    *(Identify, Track, Group, Alias, Page, Screen, Delete, Annotate, Metric, Call, Batch),
    Integration,
]
"""All workflows, in the order of the contract."""
