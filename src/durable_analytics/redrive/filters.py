"""Filters for failed deliveries, and the visibility queries that find their executions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from durable_analytics.temporal.visibility import quoted
from durable_analytics.wire.methods import BATCH, METHODS, Method

SEARCH_ATTRIBUTES = frozenset({"AnalyticsFailure", "AnalyticsIntegration", "AnalyticsRejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions that a failed delivery must meet; None means no condition."""

    integration: str | None = None
    method: str | None = None
    """The method of the execution, like "track"; "batch" for batches."""

    type: str | None = None
    """The failure type; of a batch, the type of each refused message."""

    since: datetime | None = None
    """The earliest time at which the execution closed."""

    until: datetime | None = None
    """The latest time at which the execution closed."""

    workflow_ids: tuple[str, ...] = ()
    """Only these executions; empty means all."""


async def has_search_attributes(client: Client) -> bool:
    """Whether the search attributes of failed deliveries are registered in the namespace."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    response = await client.operator_service.list_search_attributes(request, retry=True)
    return response.custom_attributes.keys() >= SEARCH_ATTRIBUTES


def build_queries(filters: Filters, task_queue: str, *, has_attributes: bool) -> list[str]:
    """Return a query for failed executions, and one for batches and fan-outs that partly failed.

    The caller must filter the results again: an execution has no search attributes if it is older
    than their registration.

    Args:
        filters: Conditions that the failed deliveries must meet.
        task_queue: The task queue of the workers.
        has_attributes: Whether the search attributes are registered.
    """
    return [
        " AND ".join([*_terms_for_all(filters, task_queue), *terms])
        for terms in (
            _terms_for_failed(filters, has_attributes),
            _terms_for_partial(filters, has_attributes),
        )
        if terms
    ]


def _terms_for_all(filters: Filters, task_queue: str) -> list[str]:
    terms = [f"TaskQueue = {quoted(task_queue)}"]
    if filters.since:
        terms.append(f"CloseTime >= {quoted(filters.since.isoformat())}")
    if filters.until:
        terms.append(f"CloseTime <= {quoted(filters.until.isoformat())}")
    if filters.workflow_ids:
        terms.append(f"WorkflowId IN ({', '.join(map(quoted, filters.workflow_ids))})")
    return terms


def _terms_for_failed(filters: Filters, has_attributes: bool) -> list[str]:
    terms = ["ExecutionStatus IN ('Failed', 'TimedOut')", _has_type(_methods(filters))]
    if has_attributes and filters.integration:
        terms.append(_equals_or_is_unset("AnalyticsIntegration", filters.integration))
    if has_attributes and filters.type:
        attribute = _equals_or_is_unset("AnalyticsFailure", filters.type)
        # Batches and fan-outs may have failed for several reasons; the attribute has only one.
        several = f"WorkflowType = {quoted(BATCH.workflow)} OR AnalyticsRejected > 0"
        terms.append(f"({attribute} OR {several})")
    return terms


def _terms_for_partial(filters: Filters, has_attributes: bool) -> list[str]:
    """Return the terms for completed batches and fan-outs in which some messages failed."""
    methods = _methods(filters) if has_attributes else [BATCH]
    if filters.method not in {None, *(method.key for method in methods)}:
        return []
    terms = ["ExecutionStatus = 'Completed'", _has_type(methods)]
    if has_attributes:
        terms.append("AnalyticsRejected > 0")
        if filters.integration:
            terms.append(_equals_or_is_unset("AnalyticsIntegration", filters.integration))
    return terms


def _methods(filters: Filters) -> list[Method]:
    return [method for method in (*METHODS.values(), BATCH) if filters.method in {None, method.key}]


def _has_type(methods: Iterable[Method]) -> str:
    types = ", ".join(quoted(method.workflow) for method in methods)
    return f"WorkflowType IN ({types})"


def _equals_or_is_unset(name: str, value: str) -> str:
    return f"({name} = {quoted(value)} OR {name} IS NULL)"
