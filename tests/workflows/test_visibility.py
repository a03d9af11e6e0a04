"""What Temporal shows of an execution: search attributes, summary and current details."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowExecutionDescription,
    WorkflowHandle,
)
from temporalio.common import SearchAttributePair
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from durable_analytics import AnalyticsClient, BufferingClient, ValidationError
from durable_analytics.temporal.search_attributes import register as register_attributes
from durable_analytics.testing import StandIn
from durable_analytics.wire.search_attributes import (
    FAILURE,
    INTEGRATION,
    REJECTED,
    USER,
    hash_user,
)
from tests.support.programs import TEMPORAL
from tests.support.visible import until_visible
from tests.support.worker_settings import settings_for
from worker import Settings, data_converter, register

SINGLE_EVENTS, BATCH_EVENTS = 12, 12
"""Of a delivery in which nothing failed, as before there were search attributes."""


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """A client of a server of its own, whose namespace has no search attributes at first."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL, dev_server_log_level="error"
    ) as environment:
        target = environment.client.service_client.config.target_host
        yield await Client.connect(target, data_converter=data_converter(compress=False))


@pytest.fixture
async def settings(client: Client, standin: StandIn, task_queue: str) -> AsyncIterator[Settings]:
    """A worker that has just started; it delivers to the stand-in."""
    settings = settings_for(standin, task_queue=task_queue)
    async with Worker(client, task_queue=task_queue, plugins=[register(settings)]):
        yield settings


async def described(client: Client, workflow_id: str) -> WorkflowExecutionDescription:
    """What Temporal knows of a closed execution."""
    return await client.get_workflow_handle(workflow_id).describe()


def attributes_of(description: WorkflowExecutionDescription) -> list[SearchAttributePair[Any]]:
    """The search attributes, the server's own among them."""
    return list(description.typed_search_attributes)


async def details(handle: WorkflowHandle[object, object]) -> str:
    """The current details, which a worker answers."""
    metadata = await handle.query("__temporal_workflow_metadata")
    return str(metadata.current_details)


async def failed(client: Client, settings: Settings, workflow_id: str) -> None:
    """Deliver a message with a wrong key."""
    analytics = AnalyticsClient(client, task_queue=settings.task_queue)
    handle = await analytics.track(
        integration="segment", user_id="u-1", event="Hi", message_id=workflow_id
    )
    assert (await handle.outcome())["error"]["type"] == "Unauthorized"


async def test_missing_attributes_stop_nothing(
    client: Client,
    settings: Settings,
    standin: StandIn,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A delivery, and one that fails, with one warning of the client and one of the worker."""
    analytics = AnalyticsClient(
        client, task_queue=settings.task_queue, user_hash_keys=["a-secret-key"]
    )
    for _ in range(2):
        handle = await analytics.track(integration="segment", user_id="u-1", event="Hi")
        assert (await handle.result())["status"] == "success"
    standin.script("segment", {"status": 401})
    await failed(client, settings, "without-attributes")

    warnings = [one for one in caplog.messages if "search attributes are not registered" in one]
    assert len(warnings) == 2
    description = await described(client, "segment:track:without-attributes")
    assert not any(key.name.startswith("Analytics") for key, _ in attributes_of(description))


async def test_a_delivery_is_found_by_integration_and_user(
    client: Client, settings: Settings
) -> None:
    """Set at the start, so that its history has no more events."""
    await register_attributes(client)
    keys = ["a-secret-key", "the-one-before"]
    # Another connection: this one remembers for a minute that they were missing.
    fresh = Client(**client.config())
    analytics = AnalyticsClient(fresh, task_queue=settings.task_queue, user_hash_keys=keys)

    handle = await analytics.track(integration="segment", user_id="u-1", event="Order\nCompleted")
    await handle.result()

    description = await described(client, handle.workflow_id)
    attributes = description.typed_search_attributes
    assert attributes.get(INTEGRATION) == ["segment"]
    assert attributes.get(USER) == hash_user("u-1", "a-secret-key")
    assert attributes.get(FAILURE) is None
    assert await description.static_summary() == "OrderCompleted to segment"
    assert await details(handle.workflow) == "delivered to segment: HTTP 200"
    history = await handle.workflow.fetch_history()
    assert len(history.events) == SINGLE_EVENTS


@pytest.mark.parametrize("character", ["\U0001f389", "\u4e16", '"'])
async def test_a_long_name_is_cut(client: Client, settings: Settings, character: str) -> None:
    """Temporal refuses a start whose summary is too long."""
    analytics = AnalyticsClient(client, task_queue=settings.task_queue)

    handle = await analytics.track(integration="segment", user_id="u-1", event=character * 300)

    assert (await handle.result())["status"] == "success"
    summary = await (await handle.workflow.describe()).static_summary()
    assert (summary or "").startswith(character)


class _Refusing(Interceptor):
    """Refuses a start with a summary, as a server with other limits may."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Stand before the real one."""
        return _RefusingOutbound(next)


class _RefusingOutbound(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        if input.static_summary is not None:
            raise RPCError("the summary is too long", RPCStatusCode.INVALID_ARGUMENT, b"")
        return await super().start_workflow(input)


async def test_a_message_is_not_refused_for_its_summary(client: Client, task_queue: str) -> None:
    """The execution is started without it."""
    config = client.config()
    config["interceptors"] = [_Refusing()]
    analytics = AnalyticsClient(Client(**config), task_queue=task_queue)

    handle = await analytics.track(integration="segment", user_id="u-1", event="Hi")

    assert await (await handle.workflow.describe()).static_summary() is None


class _WithoutAttributes(Interceptor):
    """Refuses search attributes, as a namespace without them does."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Stand before the real one."""
        return _WithoutAttributesOutbound(next)


class _WithoutAttributesOutbound(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        if input.search_attributes:
            reason = "no mapping defined for search attribute AnalyticsIntegration"
            raise RPCError(reason, RPCStatusCode.INVALID_ARGUMENT, b"")
        return await super().start_workflow(input)


async def test_a_first_message_without_attributes_keeps_its_summary(
    client: Client, task_queue: str
) -> None:
    """Everything else works where they are missing."""
    config = client.config()
    config["interceptors"] = [_WithoutAttributes()]
    analytics = AnalyticsClient(Client(**config), task_queue=task_queue)

    for event in ("Hi", "Ho"):
        handle = await analytics.track(integration="segment", user_id="u-1", event=event)

        summary = await (await handle.workflow.describe()).static_summary()
        assert summary == f"{event} to segment"


async def test_a_name_that_is_none_is_no_attribute(client: Client, settings: Settings) -> None:
    """It may be personal data."""
    await register_attributes(client)
    track = {"user_id": "u-1", "event": "Hi"}
    analytics = AnalyticsClient(Client(**client.config()), task_queue=settings.task_queue)
    with pytest.raises(ValidationError) as refused:
        await analytics.track(integration="jane@example.com", user_id="u-1", event="Hi")
    assert "jane" not in str(refused.value)

    handle = await client.start_workflow(
        "Track",
        {"integration": "jane@example.com", "track": track},
        id=f"test-{uuid.uuid4()}",
        task_queue=settings.task_queue,
    )
    with pytest.raises(Exception, match="Workflow execution failed"):
        await handle.result()

    attributes = (await handle.describe()).typed_search_attributes
    assert (attributes.get(FAILURE), attributes.get(INTEGRATION)) == ("UnknownIntegration", None)


async def test_a_failure_is_found_by_its_type(
    client: Client, settings: Settings, standin: StandIn
) -> None:
    """With its integration, which the caller did not name."""
    await register_attributes(client)
    standin.script("segment", {"status": 401})
    handle = await client.start_workflow(
        "Track",
        {"track": {"user_id": "u-1", "event": "Hi"}},
        id=f"test-{uuid.uuid4()}",
        task_queue=settings.task_queue,
    )
    with pytest.raises(Exception, match="Workflow execution failed"):
        await handle.result()

    attributes = (await handle.describe()).typed_search_attributes
    assert (attributes.get(FAILURE), attributes.get(INTEGRATION)) == ("Unauthorized", ["segment"])
    assert attributes.get(REJECTED) is None
    assert await details(handle) == "not delivered to segment: Unauthorized, HTTP 401"


async def test_a_refused_input_is_found(client: Client, settings: Settings) -> None:
    """Although it has no plan."""
    await register_attributes(client)
    handle = await client.start_workflow(
        "Track", {"track": {}}, id=f"test-{uuid.uuid4()}", task_queue=settings.task_queue
    )
    with pytest.raises(Exception, match="Workflow execution failed"):
        await handle.result()

    attributes = (await handle.describe()).typed_search_attributes
    assert attributes.get(FAILURE) == "ValidationError"
    assert await details(handle) == "not delivered to segment: ValidationError"


async def test_the_refused_part_of_a_batch_is_found(client: Client, settings: Settings) -> None:
    """With how many messages were refused, and the most frequent reason."""
    await register_attributes(client)
    good = {"type": "track", "user_id": "u-1", "event": "Hi"}
    handle = await client.start_workflow(
        "Batch",
        {"integration": "segment", "messages": [good, {"type": "track"}, good, {"type": "page"}]},
        id=f"test-{uuid.uuid4()}",
        task_queue=settings.task_queue,
    )
    assert (await handle.result())["status"] == "partial"

    attributes = (await handle.describe()).typed_search_attributes
    assert (attributes.get(FAILURE), attributes.get(REJECTED)) == ("ValidationError", 2)
    assert await details(handle) == "2 of 4 refused: ValidationError"


async def test_batches_of_the_buffering_client(client: Client, settings: Settings) -> None:
    """They have a summary and their integration; nothing is added to their history."""
    await register_attributes(client)
    fresh = Client(**client.config())
    async with BufferingClient(
        fresh, integration="segment", task_queue=settings.task_queue
    ) as analytics:
        for _ in range(3):
            analytics.track(user_id="u-1", event="Hi")
        await analytics.aflush()
    query = f"TaskQueue = '{settings.task_queue}' AND AnalyticsIntegration = 'segment'"
    await until_visible(client, query)
    (batch,) = [one async for one in client.list_workflows(query)]
    handle = client.get_workflow_handle(batch.id)
    await handle.result()

    assert await (await handle.describe()).static_summary() == "3 messages to segment"
    assert await details(handle) == "3 delivered to segment"
    assert len((await handle.fetch_history()).events) == BATCH_EVENTS
