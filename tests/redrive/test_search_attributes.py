"""Lists on a server that knows the search attributes: they are used, and nothing else is lost."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from durable_analytics.redrive.failures import list_failed
from durable_analytics.redrive.filters import Filters, build_queries, has_search_attributes
from durable_analytics.testing import StandIn
from tests.support.batches import BAD, numbered
from tests.support.failed_deliveries import closed, fail_track, redrive, redriven, run, unique
from tests.support.programs import TEMPORAL
from tests.support.worker_settings import settings_for
from worker import data_converter, register

pytestmark = pytest.mark.slow

INTEGRATION = SearchAttributeKey.for_keyword_list("AnalyticsIntegration")
FAILURE = SearchAttributeKey.for_keyword("AnalyticsFailure")
REJECTED = SearchAttributeKey.for_int("AnalyticsRejected")


@pytest.fixture(scope="module")
async def registered() -> AsyncIterator[Client]:
    """A client of a server that knows the search attributes."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL, dev_server_log_level="error"
    ) as environment:
        target = environment.client.service_client.config.target_host
        client = await Client.connect(target, data_converter=data_converter(compress=False))
        types = {
            "AnalyticsIntegration": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
            "AnalyticsFailure": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
            "AnalyticsRejected": IndexedValueType.INDEXED_VALUE_TYPE_INT,
        }
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=types)
        )
        yield client


def attributes(failure: str, rejected: int | None = None) -> TypedSearchAttributes:
    """What a worker adds to an execution in which something failed."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(INTEGRATION, ["segment"]),
        SearchAttributePair(FAILURE, failure),
    ]
    if rejected is not None:
        pairs.append(SearchAttributePair(REJECTED, rejected))
    return TypedSearchAttributes(pairs)


async def test_they_are_used_where_they_are_registered(
    registered: Client, standin: StandIn, task_queue: str
) -> None:
    """A failed execution without them is older than their registration."""
    settings = settings_for(standin, task_queue=task_queue)
    partial = {"messages": [*numbered(1), BAD]}
    async with Worker(registered, task_queue=task_queue, plugins=[register(settings)]):
        await fail_track(registered, standin, task_queue, id=unique("without"))
        await fail_track(
            registered,
            standin,
            task_queue,
            id=unique("with"),
            search_attributes=attributes("Unauthorized"),
        )
        await run(
            registered,
            task_queue,
            "Batch",
            partial,
            id=unique("partial"),
            search_attributes=attributes("ValidationError", 1),
        )
        await run(registered, task_queue, "Batch", {"messages": numbered(2)})
        await closed(registered, task_queue, 4)

        async def found(**filters: str) -> set[str]:
            listed = list_failed(registered, Filters(**filters), task_queue)  # type: ignore[arg-type]
            return {failed.workflow_id.split("-")[0] async for failed in listed}

        assert await found() == {"without", "with", "partial"}
        assert await found(type="Unauthorized") == {"without", "with"}
        assert await found(type="ValidationError") == {"partial"}
        assert await found(integration="segment") == {"without", "with", "partial"}
        assert await found(integration="trophy") == set()
        assert await redrive(registered, task_queue, type="Unauthorized") == redriven(2)


async def test_batches_without_refused_messages_are_not_read(registered: Client) -> None:
    assert await has_search_attributes(registered)
    _, partial = build_queries(Filters(), "analytics", has_attributes=True)
    assert "AnalyticsRejected > 0" in partial
