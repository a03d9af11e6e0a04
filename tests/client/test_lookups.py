"""Finding earlier deliveries, the status of integrations, and the end of a client."""

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any, get_type_hints

import pytest
from temporalio.client import Client

from durable_analytics import (
    AnalyticsClient,
    BatchHandle,
    BatchOutput,
    ClientClosed,
    DeliveryHandle,
    DeliveryOutput,
    IntegrationStatus,
)
from durable_analytics.testing import StandIn
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.outputs import batch_output, fan_out_output, output
from tests.support.json_objects import Json
from tests.support.noted_starts import PausedStarts
from tests.support.visible import until_closed, until_visible


@pytest.mark.parametrize("integration", ["journy", None, ["segment", "journy"]])
async def test_an_earlier_delivery_is_found_by_its_message(
    temporal: Client, analytics: AnalyticsClient, standin: StandIn, integration: Any
) -> None:
    """By another client too, after it has completed."""
    del standin
    options: Json = {"integration": integration}
    if isinstance(integration, list):
        options = {"deliver_to": integration}
    sent = await analytics.track(user_id="u-1", event="E", **options)
    output = await sent.result()

    found = await AnalyticsClient(temporal).delivery(integration, "track", sent.message_id)

    assert found is not None
    assert (found.workflow_id, found.message_id) == (sent.workflow_id, sent.message_id)
    assert await found.result() == output


async def test_a_delivery_that_never_was_is_none(analytics: AnalyticsClient) -> None:
    """Nothing is started."""
    assert await analytics.delivery("segment", "track", "never-sent") is None


async def test_an_unknown_method_is_refused(analytics: AnalyticsClient) -> None:
    """It would find nothing, as if nothing had been sent."""
    with pytest.raises(ValueError, match=r"method must be one of identify, track, .* not 'Track'"):
        await analytics.delivery("segment", "Track", "m-1")


async def test_status_has_a_row_for_each_integration(temporal: Client, task_queue: str) -> None:
    """With what waits; no worker polls this task queue."""
    analytics = AnalyticsClient(temporal, integration="segment", task_queue=task_queue)
    await analytics.track(user_id="u-1", event="E", integration="journy")
    await until_visible(temporal, f"TaskQueue = '{task_queue}'")

    status = {row["integration"]: row for row in await analytics.status()}

    assert status.keys() == {"segment", "journy"}
    assert status["journy"].keys() == get_type_hints(IntegrationStatus).keys()
    assert (status["journy"]["state"], status["journy"]["waiting"]) == ("running", 1)
    assert status["journy"]["oldest"]
    assert (status["segment"]["waiting"], status["segment"]["failed"]) == (0, 0)


async def test_a_closed_client_refuses_calls(
    temporal: Client, analytics: AnalyticsClient, standin: StandIn
) -> None:
    """And its handles still work."""
    del standin
    async with analytics as client:
        assert client is analytics
        handle = await client.track(user_id="u-1", event="E")

    assert (await handle.result())["status"] == "success"
    for call in (
        analytics.track(user_id="u-1", event="E"),
        analytics.batch([{"type": "track", "user_id": "u-1", "event": "E"}]),
        analytics.delivery("segment", "track", handle.message_id),
        analytics.status(),
    ):
        with pytest.raises(ClientClosed, match="the client was closed"):
            await call
    analytics.close()
    await until_closed(temporal, handle.workflow_id)


@pytest.mark.parametrize("is_batch", [False, True])
async def test_a_call_that_waits_for_temporal_outlives_the_client(
    temporal: Client, task_queue: str, is_batch: bool
) -> None:
    """It returns its handle: an error would say that the message was not sent."""
    pause = PausedStarts()
    config = temporal.config()
    config["interceptors"] = [pause]
    analytics = AnalyticsClient(Client(**config), integration="segment", task_queue=task_queue)
    call: Coroutine[Any, Any, DeliveryHandle | BatchHandle] = (
        analytics.batch([{"type": "track", "user_id": "u-1", "event": "E"}])
        if is_batch
        else analytics.track(user_id="u-1", event="E")
    )
    calling = asyncio.create_task(call)
    await pause.reached.wait()

    analytics.close()
    pause.resumed.set()

    handle = await calling
    assert (await handle.workflow.describe()).task_queue == task_queue


async def test_a_connected_client_is_a_context_manager(
    temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`async with await AnalyticsClient.connect(...)`."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.service_client.config.target_host)
    async with await AnalyticsClient.connect(integration="segment") as client:
        assert client.temporal.namespace == temporal.namespace
    with pytest.raises(ClientClosed):
        client.temporal  # noqa: B018  # the property raises


def test_connect_has_the_arguments_of_the_client() -> None:
    """With the same types and defaults, and each is explained."""
    connect = dict(inspect.signature(AnalyticsClient.connect).parameters)
    own = dict(inspect.signature(AnalyticsClient.__init__).parameters)

    for name in ("data_converter", "encryption_keys"):
        assert connect.pop(name).kind is inspect.Parameter.KEYWORD_ONLY
    del own["self"], own["client"]
    assert connect == own
    text = inspect.getdoc(AnalyticsClient.connect) or ""
    assert all(f"\n    {name}: " in text for name in connect)


def test_batch_has_the_options_of_every_call() -> None:
    """Beside the messages and the id of the batch."""
    batch = inspect.signature(AnalyticsClient.batch).parameters
    track = inspect.signature(AnalyticsClient.track).parameters
    options = batch.keys() - {"self", "messages", "batch_id"}

    assert options == track.keys() - {"self"} - METHODS["track"].message.model_fields.keys()
    assert all(batch[name] == track[name] for name in options)


def test_output_types_have_the_keys_of_outputs() -> None:
    """Of successes, failures and fan-outs, in the order of the contract."""
    error = {"type": "Rejected", "message": "m", "fields": []}
    more: Any = {"left_out": {"a": 1}, "violations": {"b": 1}, "error": error}
    singles = [
        output(
            method,
            integration="segment",
            message={},
            response=None,
            attempts=[],
            policies={},
            filtered={"by": "routing", "reason": "r"},
            **more,
        )
        for method in METHODS.values()
    ]
    filtered: Any = [{"index": 0, "message_id": "m", "by": "routing", "reason": "r"}]
    batch = batch_output(integration="segment", policies={}, filtered=filtered, **more)
    failed = fan_out_output({"segment": {"status": "failure", "error": error}}, [])

    assert _keys(*singles, failed) == get_type_hints(DeliveryOutput).keys()
    assert _keys(batch, failed) - {"attempts"} == get_type_hints(BatchOutput).keys()
    order = [key for key in DeliveryOutput.__annotations__ if key in singles[0]]
    assert order == [*singles[0]]
    assert [key for key in BatchOutput.__annotations__ if key in batch] == [*batch]
    assert singles[0].keys() >= DeliveryOutput.__required_keys__
    assert batch.keys() >= BatchOutput.__required_keys__


def _keys(*outputs: Json) -> set[str]:
    return {key for one in outputs for key in one}
