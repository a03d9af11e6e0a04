"""Filters of failed deliveries, and the visibility queries that find their executions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from durable_analytics.wire.methods import BATCH, METHODS, Method

SEARCH_ATTRIBUTES = frozenset({"AnalyticsFailure", "AnalyticsIntegration", "AnalyticsRejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which failed deliveries are meant; None means any."""

    integration: str | None = None
    method: str | None = None
    """The method of the execution, like "track"; "batch" for batches."""

    type: str | None = None
    """The failure type; of a batch, the type of each refused message."""

    since: datetime | None = None
    until: datetime | None = None
    """When the execution closed."""

    workflow_ids: tuple[str, ...] = ()
    """Only these executions; empty means all."""


async def has_search_attributes(client: Client) -> bool:
    """Whether the search attributes of failed deliveries are registered in the namespace."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    response = await client.operator_service.list_search_attributes(request, retry=True)
    return response.custom_attributes.keys() >= SEARCH_ATTRIBUTES


def queries(filters: Filters, task_queue: str, *, has_attributes: bool) -> list[str]:
    """Return the visibility queries of failed executions, and of batches that may be partial.

    The results still have to be filtered: an execution may have no search attributes, because it is
    older than their registration.

    Args:
        filters: Which failed deliveries are meant.
        task_queue: The task queue of the workers.
        has_attributes: Whether the search attributes are registered.
    """
    return [
        " AND ".join([*_common(filters, task_queue), *own])
        for own in (_failed(filters, has_attributes), _partial(filters, has_attributes))
        if own
    ]


def quoted(text: str) -> str:
    """Return a text as a literal of a visibility query.

    The embedded server finds no workflow id with a backslash or a double quote, however written.
    """
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "''"))


def _common(filters: Filters, task_queue: str) -> list[str]:
    terms = [f"TaskQueue = {quoted(task_queue)}"]
    if filters.since:
        terms.append(f"CloseTime >= {quoted(filters.since.isoformat())}")
    if filters.until:
        terms.append(f"CloseTime <= {quoted(filters.until.isoformat())}")
    if filters.workflow_ids:
        terms.append(f"WorkflowId IN ({', '.join(map(quoted, filters.workflow_ids))})")
    return terms


def _failed(filters: Filters, has_attributes: bool) -> list[str]:
    terms = ["ExecutionStatus IN ('Failed', 'TimedOut')", _of_types(_methods(filters))]
    if has_attributes and filters.integration:
        terms.append(_attribute("AnalyticsIntegration", filters.integration))
    if has_attributes and filters.type:
        attribute = _attribute("AnalyticsFailure", filters.type)
        # Batches and fan-outs may have failed for several reasons; the attribute has one.
        several = f"WorkflowType = {quoted(BATCH.workflow)} OR AnalyticsRejected > 0"
        terms.append(f"({attribute} OR {several})")
    return terms


def _partial(filters: Filters, has_attributes: bool) -> list[str]:
    """Return the terms of batches and fan-outs of which something failed."""
    methods = _methods(filters) if has_attributes else [BATCH]
    if filters.method not in {None, *(method.key for method in methods)}:
        return []
    terms = ["ExecutionStatus = 'Completed'", _of_types(methods)]
    if has_attributes:
        terms.append("AnalyticsRejected > 0")
        if filters.integration:
            terms.append(_attribute("AnalyticsIntegration", filters.integration))
    return terms


def _methods(filters: Filters) -> list[Method]:
    return [method for method in (*METHODS.values(), BATCH) if filters.method in {None, method.key}]


def _of_types(methods: Iterable[Method]) -> str:
    types = ", ".join(quoted(method.workflow) for method in methods)
    return f"WorkflowType IN ({types})"


def _attribute(name: str, value: str) -> str:
    return f"({name} = {quoted(value)} OR {name} IS NULL)"
