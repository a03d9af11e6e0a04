"""From a call to the provider: through Temporal and a worker, both real."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import DataConverter, PayloadCodec

from durable_analytics import BufferingClient, NotAccepted, Outcome
from durable_analytics.testing import StandIn
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS
from tests.support.buffering import NEVER, SOON, track
from tests.support.delivered import wait_for_ids, wait_for_messages
from tests.support.method_cases import CASES
from worker import Settings

pytestmark = pytest.mark.usefixtures("running_worker", "standin")


async def output(temporal: Client, outcome: Outcome) -> JsonObject:
    """The output of the execution that carries a message."""
    assert outcome.workflow_id is not None
    result: JsonObject = await temporal.get_workflow_handle(outcome.workflow_id).result()
    return result


@pytest.mark.parametrize("key", METHODS)
async def test_every_method_reaches_the_provider(
    temporal: Client, standin: StandIn, key: str
) -> None:
    """One execution, and the provider gets what it gets of `AnalyticsClient`."""
    case = CASES[key]
    outcomes: list[Outcome] = []
    async with BufferingClient(temporal, integration=case.integration) as client:
        message_id = getattr(client, key)(
            **case.required, **case.chosen, **case.more, callback=outcomes.append
        )

    (outcome,) = outcomes
    assert outcome.message_id == message_id
    result = await output(temporal, outcome)
    assert (result["status"], result["accepted"]) == ("success", 1)
    assert result["integration"] == case.integration
    (request,) = standin.requests
    body = request["body"]["batch"][0] if "batch" in request["body"] else request["body"]
    assert {name: body.get(name) for name in case.body} == case.body


async def test_messages_of_one_batch_keep_their_order_and_context(
    temporal: Client, standin: StandIn
) -> None:
    """One request for all of them, under the shared context and each message's own."""
    outcomes: list[Outcome] = []
    client = BufferingClient(temporal, integration="segment", context={"locale": "en-US"})
    ids = [
        client.identify(user_id="u-1", traits={"plan": None}, callback=outcomes.append),
        client.track(user_id="u-1", event="Signed Up", context={"ip": "192.0.2.1"}),
        client.track(user_id="u-1", event="Left", timestamp="2026-01-31T09:30:00Z", context=None),
    ]
    await client.aclose()
    await output(temporal, outcomes[0])

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
        {"library": library, "locale": "en-US"},
    ]
    assert batch[2]["timestamp"] == "2026-01-31T09:30:00Z"


async def test_a_thousand_messages_arrive_once_in_few_executions(
    temporal: Client, standin: StandIn
) -> None:
    """All of them once, in few executions."""
    outcomes: list[Outcome] = []
    async with BufferingClient(temporal, integration="segment") as client:
        ids = track(client, 1000, callback=outcomes.append)

    arrived = await wait_for_messages(standin, 1000)
    assert sorted(message["messageId"] for message in arrived) == sorted(ids)
    assert sorted(outcome.message_id for outcome in outcomes) == sorted(ids)
    assert len({outcome.workflow_id for outcome in outcomes}) <= 10


async def test_a_message_that_the_provider_refuses_is_in_the_output(temporal: Client) -> None:
    """It is in the output of the execution, which Temporal has: the callback tells which."""
    outcomes: list[Outcome] = []
    async with BufferingClient(temporal, integration="trophy") as client:
        client.identify(user_id="u-1", callback=outcomes.append)
        client.track(user_id="u-1", event="E", callback=outcomes.append)

    assert outcomes[0].workflow_id == outcomes[1].workflow_id
    result = await output(temporal, outcomes[1])
    assert (result["status"], result["accepted"]) == ("partial", 1)
    assert [rejected["message_id"] for rejected in result["rejected"]] == [outcomes[1].message_id]


class Swelling(PayloadCodec):
    """Stores batches of more than two messages as more than the server takes."""

    def __init__(self, size: int) -> None:
        self._size = size

    async def encode(self, payloads: Any) -> list[Payload]:
        """See base class."""
        return [
            Payload(metadata=payload.metadata, data=payload.data.ljust(self._size))
            if payload.data.count(b'"type":') > 2
            else payload
            for payload in payloads
        ]

    async def decode(self, payloads: Any) -> list[Payload]:
        """See base class."""
        return list(payloads)


@pytest.mark.parametrize("megabytes", [3, 5])
async def test_a_batch_too_large_for_the_server_is_split(
    temporal: Client, standin: StandIn, megabytes: int
) -> None:
    """Whether Temporal refuses the payload or gRPC the message: it is split until it fits."""
    config = temporal.config()
    config["data_converter"] = DataConverter(payload_codec=Swelling(megabytes * 1024 * 1024))
    outcomes: list[Outcome] = []
    client = BufferingClient(Client(**config), integration="segment", flush_interval=NEVER)
    ids = track(client, 5, callback=outcomes.append)
    await client.aclose()

    assert [outcome.message_id for outcome in outcomes] == ids
    assert len({outcome.workflow_id for outcome in outcomes}) == 3
    arrived = await wait_for_messages(standin, 5)
    assert sorted(message["messageId"] for message in arrived) == sorted(ids)


async def test_a_message_too_large_for_the_server_goes_to_on_error(
    temporal: Client, standin: StandIn
) -> None:
    """It is told to `on_error`; the others arrive."""
    config = temporal.config()
    config["data_converter"] = DataConverter(payload_codec=_Stubborn())
    lost: list[tuple[Exception, list[JsonObject]]] = []
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


async def test_a_client_without_connection_connects_from_the_environment(
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

    assert await wait_for_ids(standin, ids) == ids


async def test_a_repeated_message_id_is_sent_twice(temporal: Client, standin: StandIn) -> None:
    """Is the provider's to see: an execution carries many messages, and is not named after one."""
    async with BufferingClient(temporal, integration="segment") as client:
        for _ in range(2):
            track(client, message_id="repeated")
            await client.aflush(timedelta(seconds=10))

    assert await wait_for_ids(standin, ["repeated"] * 2) == ["repeated"] * 2
