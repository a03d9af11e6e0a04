"""Queries for the executions of deliveries, with and without search attributes."""

import re
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from durable_analytics.errors import NotAccepted
from durable_analytics.temporal.search_attributes import find_missing
from durable_analytics.wire.methods import BATCH, METHODS
from durable_analytics.wire.search_attributes import INTEGRATION, SEARCH_ATTRIBUTES

DELIVERIES = tuple(method.workflow for method in (*METHODS.values(), BATCH))
"""The workflow types of deliveries."""

OPEN = "ExecutionStatus = 'Running'"
FAILED = "ExecutionStatus IN ('Failed', 'TimedOut')"
"""A caller may limit the time of an execution; what is open then is not delivered either."""

_NOT_FINDABLE = re.compile(r'[\\"\r\n]')
_FEW = 100
_EXACT = timedelta(milliseconds=100)


def quoted(text: str) -> str:
    """Return a text as a literal of a query.

    The embedded server finds nothing with a backslash, a double quote or a line break, however
    quoted: see `is_findable`.
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def is_findable(text: str) -> bool:
    """Whether each server finds a workflow id with this text; the embedded one does not find all.

    >>> is_findable("order-1"), is_findable('the "first" order')
    (True, False)
    """
    return not _NOT_FINDABLE.search(text)


def one_of(field: str, values: Iterable[str]) -> str:
    """Return the condition that a field has one of these values."""
    return f"{field} IN ({', '.join(map(quoted, values))})"


def at(time: datetime) -> str:
    """Return a time as a literal of a query."""
    return quoted(time.astimezone(UTC).isoformat().replace("+00:00", "Z"))


def all_of(*conditions: str) -> str:
    """Return the condition that all of these hold."""
    return " AND ".join(f"({condition})" for condition in conditions if condition)


class Deliveries:
    """The executions of deliveries on a task queue.

    Args:
        client: The connection.
        task_queue: The task queue of the workers.
        missing: The search attributes that are not registered.
    """

    def __init__(self, client: Client, task_queue: str, missing: Iterable[str]) -> None:
        self.client = client
        self.task_queue = task_queue
        self._missing = frozenset(missing)
        self._scope = all_of(
            f"TaskQueue = {quoted(task_queue)}", one_of("WorkflowType", DELIVERIES)
        )

    @classmethod
    async def find(cls, client: Client, task_queue: str) -> "Deliveries":
        """Look which search attributes are registered."""
        try:
            missing = await find_missing(client)
        except (NotAccepted, RPCError):
            missing = {key.name: "" for key in SEARCH_ATTRIBUTES}
        return cls(client, task_queue, missing)

    def has(self, attribute: str) -> bool:
        """Whether a search attribute is registered."""
        return attribute not in self._missing

    def of_integration(self, name: str) -> str:
        """Return the condition for the deliveries to an integration.

        Our clients begin the workflow id with the integration; executions of other callers have
        the search attribute once something failed.
        """
        by_id = f"WorkflowId STARTS_WITH {quoted(name + ':')}"
        if not self.has(INTEGRATION.name):
            return by_id
        return f"{INTEGRATION.name} = {quoted(name)} OR {by_id}"

    async def count(self, *conditions: str) -> int:
        """Return how many executions meet all these conditions."""
        return (await self.client.count_workflows(all_of(self._scope, *conditions))).count

    def executions(
        self, *conditions: str, limit: int | None = None
    ) -> AsyncIterator[WorkflowExecution]:
        """List the executions that meet all these conditions, newest first."""
        return self.client.list_workflows(all_of(self._scope, *conditions), limit=limit)

    async def oldest_start(self, *conditions: str) -> datetime | None:
        """Return when the oldest of these executions started, or None if there is none.

        The embedded server cannot sort. So the time is narrowed down by counts until few are left.
        """
        now = datetime.now(UTC)

        def older(than: timedelta) -> str:
            return f"StartTime <= {at(now - than)}"

        nearest, farthest = timedelta(0), timedelta(seconds=1)
        while await self.count(older(farthest), *conditions):
            nearest, farthest = farthest, farthest * 2
        while farthest - nearest > _EXACT and await self.count(older(nearest), *conditions) > _FEW:
            middle = (nearest + farthest) / 2
            if await self.count(older(middle), *conditions):
                nearest = middle
            else:
                farthest = middle
        return await self._first_start(older(nearest), *conditions)

    async def _first_start(self, *conditions: str) -> datetime | None:
        started = [one.start_time async for one in self.executions(*conditions, limit=_FEW)]
        return min(started, default=None)

    async def integration_names(self, known: Iterable[str]) -> list[str]:
        """Return the integrations of executions beside those that are known, sorted.

        Each unknown name takes one query.
        """
        if not self.has(INTEGRATION.name):
            return []
        names, found = set(known), set[str]()
        while True:
            conditions = [f"{INTEGRATION.name} IS NOT NULL"]
            if names:
                conditions.append(
                    f"{INTEGRATION.name} NOT IN ({', '.join(map(quoted, sorted(names)))})"
                )
            newest = [one async for one in self.executions(*conditions, limit=1)]
            more = {n for one in newest for n in one.typed_search_attributes.get(INTEGRATION) or ()}
            if not more - names:
                return sorted(found)
            names |= more
            found |= more
