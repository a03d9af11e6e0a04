"""From a call to the provider: through Temporal and a worker, both real."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic_core import from_json
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import DataConverter, PayloadCodec

from durable_analytics import BufferingClient, NotAccepted, Outcome
from durable_analytics.contract import METHODS
from durable_analytics.testing import StandIn
from tests.client.buffering.conftest import NEVER, SOON, track
from tests.client.buffering.delivered import messages, wait_for_messages
from tests.client.test_calls import CASES
from tests.conftest import Json
from worker import Settings

pytestmark = pytest.mark.usefixtures("running_worker", "standin")


async def output(temporal: Client, outcome: Outcome) -> Json:
    """The output of the execution that carries a message."""
    assert outcome.workflow_id is not None
    result: Json = await temporal.get_workflow_handle(outcome.workflow_id).result()
    return result


@pytest.mark.parametrize("key", METHODS)
async def test_every_method(temporal: Client, standin: StandIn, key: str) -> None:
    """One execution, and the provider gets what it gets of `AnalyticsClient`."""
    case = CASES[key]
    told: list[Outcome] = []
    async with BufferingClient(temporal, integration=case.integration) as client:
        message_id = getattr(client, key)(
            **case.required, **case.chosen, **case.more, callback=told.append
        )

    (outcome,) = told
    assert outcome.message_id == message_id
    result = await output(temporal, outcome)
    assert (result["status"], result["accepted"]) == ("success", 1)
    assert result["integration"] == case.integration
    (request,) = standin.requests
    body = request["body"]["batch"][0] if "batch" in request["body"] else request["body"]
    assert {name: body.get(name) for name in case.body} == case.body


async def test_many_methods_in_order(temporal: Client, standin: StandIn) -> None:
    """One request for all of them, under the shared context and each message's own."""
    told: list[Outcome] = []
    client = BufferingClient(temporal, integration="segment", context={"locale": "en-US"})
    ids = [
        client.identify(user_id="u-1", traits={"plan": None}, callback=told.append),
        client.track(user_id="u-1", event="Signed Up", context={"ip": "192.0.2.1"}),
        client.track(user_id="u-1", event="Left", timestamp="2026-01-31T09:30:00Z", context=None),
    ]
    await client.aclose()
    await output(temporal, told[0])

    (request,) = standin.requests
    batch = request["body"]["batch"]
    assert [message["messageId"] for message in batch] == ids
    assert [message["type"] for message in batch] == ["identify", "track", "track"]
    assert batch[0]["traits"] == {"plan": None}
    library = batch[0]["context"]["library"]
    assert library["name"] == "durable-analytics"
    assert [message.get("context") for message in batch] == [
        {"library": library, "locale": "en-US"},
        {"library": library, "locale": "en-US", "ip": "192.0.2.1"},
        None,
    ]
    assert batch[2]["timestamp"] == "2026-01-31T09:30:00Z"


async def test_a_thousand(temporal: Client, standin: StandIn) -> None:
    """All of them once, in few executions."""
    told: list[Outcome] = []
    async with BufferingClient(temporal, integration="segment") as client:
        ids = track(client, 1000, callback=told.append)

    arrived = await wait_for_messages(standin, 1000)
    assert sorted(message["messageId"] for message in arrived) == sorted(ids)
    assert sorted(outcome.message_id for outcome in told) == sorted(ids)
    assert len({outcome.workflow_id for outcome in told}) <= 10


async def test_one_that_the_provider_refuses(temporal: Client) -> None:
    """It is in the output of the execution, which Temporal has: the callback tells which."""
    told: list[Outcome] = []
    async with BufferingClient(temporal, integration="trophy") as client:
        client.identify(user_id="u-1", callback=told.append)
        client.track(user_id="u-1", event="E", callback=told.append)

    assert told[0].workflow_id == told[1].workflow_id
    result = await output(temporal, told[1])
    assert (result["status"], result["accepted"]) == ("partial", 1)
    assert [rejected["message_id"] for rejected in result["rejected"]] == [told[1].message_id]


class Swelling(PayloadCodec):
    """Stores batches of more than two messages as more than the server takes."""

    def __init__(self, size: int) -> None:
        self._size = size

    async def encode(self, payloads: Any) -> list[Payload]:
        """See base class."""
        return [
            Payload(metadata=payload.metadata, data=payload.data.ljust(self._size))
            if len(from_json(payload.data)["messages"]) > 2
            else payload
            for payload in payloads
        ]

    async def decode(self, payloads: Any) -> list[Payload]:
        """See base class."""
        return list(payloads)


@pytest.mark.parametrize("megabytes", [3, 5])
async def test_more_than_the_server_takes(
    temporal: Client, standin: StandIn, megabytes: int
) -> None:
    """Whether Temporal refuses the payload or gRPC the message: it is split until it fits."""
    config = temporal.config()
    config["data_converter"] = DataConverter(payload_codec=Swelling(megabytes * 1024 * 1024))
    told: list[Outcome] = []
    client = BufferingClient(Client(**config), integration="segment", flush_interval=NEVER)
    ids = track(client, 5, callback=told.append)
    await client.aclose()

    assert [outcome.message_id for outcome in told] == ids
    assert len({outcome.workflow_id for outcome in told}) == 3
    arrived = await wait_for_messages(standin, 5)
    assert sorted(message["messageId"] for message in arrived) == sorted(ids)


async def test_a_message_that_the_server_does_not_take(temporal: Client, standin: StandIn) -> None:
    """It is told to `on_error`; the others arrive."""
    config = temporal.config()
    config["data_converter"] = DataConverter(payload_codec=_Stubborn())
    lost: list[tuple[Exception, list[Json]]] = []
    client = BufferingClient(
        Client(**config),
        integration="segment",
        flush_interval=NEVER,
        on_error=lambda *both: lost.append(both),
    )
    track(client, 2)
    track(client, event="Stubborn")
    await client.aclose()

    ((error, refused),) = lost
    assert isinstance(error, NotAccepted)
    assert [message["event"] for message in refused] == ["Stubborn"]
    assert len(await wait_for_messages(standin, 2)) == 2


class _Stubborn(Swelling):
    def __init__(self) -> None:
        super().__init__(3 * 1024 * 1024)

    async def encode(self, payloads: Any) -> list[Payload]:
        return [
            Payload(metadata=payload.metadata, data=payload.data.ljust(self._size))
            if b"Stubborn" in payload.data
            else payload
            for payload in payloads
        ]


async def test_it_connects_by_itself(
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the environment, as Temporal's own tools; in its own thread, at the first message."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.service_client.config.target_host)
    client = BufferingClient(integration="segment", task_queue=running_worker.task_queue)
    ids = track(client, 2)

    client.close(SOON)

    arrived = await wait_for_messages(standin, 2)
    assert [message["messageId"] for message in arrived] == ids


async def test_a_repeated_message_id(temporal: Client, standin: StandIn) -> None:
    """Is the provider's to see: an execution carries many messages, and is not named after one."""
    async with BufferingClient(temporal, integration="segment") as client:
        for _ in range(2):
            track(client, message_id="repeated")
            await client.aflush(timedelta(seconds=10))

    await wait_for_messages(standin, 2)
    assert [message["messageId"] for message in messages(standin)] == ["repeated"] * 2
