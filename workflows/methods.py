"""One workflow a method. The input is raw: Validation reads it, and says what is wrong with it.

A model in the signature would fail the workflow *task* of a wrong input, which Temporal retries
for ever.
"""

from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from durable_analytics.contract import ABSENT
    from workflows.batching import deliver_batch
    from workflows.delivery import deliver

Output = dict[str, Any]


@workflow.defn(name="Identify")
class Identify:
    """Who somebody is."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputIdentify`."""
        return await deliver("identify", input)


@workflow.defn(name="Track")
class Track:
    """What somebody did."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputTrack`."""
        return await deliver("track", input)


@workflow.defn(name="Group")
class Group:
    """Which company, team or account somebody belongs to."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputGroup`."""
        return await deliver("group", input)


@workflow.defn(name="Alias")
class Alias:
    """Two ids are the same person."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputAlias`."""
        return await deliver("alias", input)


@workflow.defn(name="Page")
class Page:
    """Which web page somebody saw."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputPage`."""
        return await deliver("page", input)


@workflow.defn(name="Screen")
class Screen:
    """Which screen of an app somebody saw."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputScreen`."""
        return await deliver("screen", input)


@workflow.defn(name="Delete")
class Delete:
    """Suppress somebody, and delete what is stored of them."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputDelete`."""
        return await deliver("delete", input)


@workflow.defn(name="Annotate")
class Annotate:
    """Something that happened to everybody."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputAnnotate`."""
        return await deliver("annotate", input)


@workflow.defn(name="Metric")
class Metric:
    """A person's number goes up or down."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputMetric`."""
        return await deliver("metric", input)


@workflow.defn(name="Call")
class Call:
    """Any other endpoint of the provider."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputCall`."""
        return await deliver("call", input)


@workflow.defn(name="Batch")
class Batch:
    """Many messages of any methods, to one integration."""

    @workflow.run
    async def run(self, input: RawValue = ABSENT) -> Output:
        """Deliver an `InputBatch`."""
        return await deliver_batch(input)


WORKFLOWS = [Identify, Track, Group, Alias, Page, Screen, Delete, Annotate, Metric, Call, Batch]
"""In the order of the contract."""
