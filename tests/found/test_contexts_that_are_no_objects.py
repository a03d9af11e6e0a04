"""A context that is no object: left out and named in a lenient input, refused in a strict one."""

import gzip
import json
import uuid
from typing import Any

import pytest
from pydantic_core import from_json
from temporalio.client import Client

from durable_analytics import AnalyticsClient, BufferingClient, ValidationError
from durable_analytics.delivery.batch_preparation import prepare_batch
from durable_analytics.delivery.integrations import Integration
from durable_analytics.delivery.preparation import prepare, route_message
from durable_analytics.delivery.routes import Route
from durable_analytics.file_import.columns import Columns
from durable_analytics.file_import.messages import ImportedMessage, MessageBuilder, RefusedRow
from durable_analytics.file_import.rows import Row
from durable_analytics.redrive.carried import carry, load
from durable_analytics.redrive.names import Origin
from durable_analytics.redrive.recorded import Recorded
from durable_analytics.testing import StandIn
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.keys import normalise, rename_keys
from durable_analytics.wire.methods import BATCH, METHODS
from durable_analytics.wire.parsing import read_batch, read_input
from tests.providers.building import ACCOUNTS
from tests.support.gateway_messages import AUTH, SUCCESS, client, executions, outcome
from tests.support.gateway_process import address, gateway_process
from tests.support.json_objects import Execute, Json
from tests.support.prepared_batches import DEFAULTS
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import own_worker
from worker import Settings

NO_OBJECTS: list[Any] = [-1, 0, True, False, "Mark918273", [1], [{}]]
EMPTIES: list[Any] = ["", " \n", [], {}, None]

TRACK: Json = {"user_id": "u-1", "event": "E"}
IDENTIFY: Json = {"user_id": "u-1", "traits": {"email": "u@example.com"}}
ITEM: Json = {"type": "track", **TRACK}
IP: Json = {"ip": "192.0.2.1"}


def inputs(context: Any) -> list[tuple[str, Json]]:
    """The four places of a context: beside a message and in it, single and in a batch."""
    message = {**IDENTIFY, "context": context}
    return [
        ("Identify", {"context": context, "identify": IDENTIFY}),
        ("Identify", {"identify": message}),
        ("Batch", {"context": context, "messages": [{"type": "identify", **IDENTIFY}]}),
        ("Batch", {"messages": [{"type": "identify", **message}]}),
    ]


def sent_by(standin: StandIn) -> list[Any]:
    """The bodies that the stand-in received, decompressed."""
    bodies = [request["body"] for request in standin.requests]
    return [
        gzip.decompress(body).decode() if isinstance(body, bytes) else json.dumps(body)
        for body in bodies
    ]


@pytest.mark.parametrize("integration", ["segment", "posthog", "trophy", "webhook"])
@pytest.mark.parametrize("context", NO_OBJECTS, ids=repr)
async def test_a_lenient_one_is_left_out_and_named(
    execute: Execute, standin: StandIn, integration: str, context: Any
) -> None:
    """In all four places, and at every kind of provider."""
    for workflow, data in inputs(context):
        output = await execute(workflow, {"integration": integration, "strict": False, **data})

        assert output["status"] == "success", (workflow, output)
        assert output["left_out"]["context"] == 1

    bodies = sent_by(standin)
    assert len(bodies) == 4
    assert not [body for body in bodies if '"context"' in body or "Mark918273" in body]


@pytest.mark.parametrize("context", EMPTIES, ids=repr)
async def test_a_lenient_empty_one_is_not_set(
    execute: Execute, standin: StandIn, context: Any
) -> None:
    """There is nothing in it to leave out."""
    for workflow, data in inputs(context):
        output = await execute(workflow, {"strict": False, **data})

        assert output["status"] == "success"
        assert "left_out" not in output

    assert not [body for body in sent_by(standin) if '"context"' in body]


@pytest.mark.parametrize("context", [*NO_OBJECTS, "", []], ids=repr)
async def test_a_strict_one_is_refused_by_its_name(execute: Execute, context: Any) -> None:
    """In all four places."""
    paths = ["context", "identify.context", "context", "messages.0.context"]
    for (workflow, data), path in zip(inputs(context), paths, strict=True):
        output = await execute(workflow, data)

        assert output["error"]["type"] == "ValidationError"
        assert path in [problem["path"] for problem in output["error"]["fields"]]


@pytest.mark.parametrize("context", NO_OBJECTS, ids=repr)
def test_it_is_left_out_at_every_provider(context: Any) -> None:
    """And counted in each message that it was meant for."""
    good: Json = {**ITEM, "user_id": "user-1"}
    bad = {**good, "context": context}
    for name, provider in ACCOUNTS.items():
        if "track" not in provider.builders:
            continue
        integration = Integration(name, provider)
        for batch, count in (
            ({"messages": [bad, good, bad]}, 2),
            ({"context": context, "messages": [good, bad]}, 2),
        ):
            prepared = prepare_batch(read_batch({"strict": False, **batch}), integration, DEFAULTS)

            assert prepared.rejected == []
            assert prepared.left_out["context"] == count, name
            assert not [one for one in prepared.messages if b'"context"' in (one.item or b"")]


def identity(message: Json, integration: str) -> Json:
    """A transform that changes nothing."""
    del integration
    assert isinstance(message["context"], dict)
    return message


def test_the_other_context_stays() -> None:
    """Also where a transform gets the whole message."""
    route = Route(transform=identity, integration="segment")
    for integration in (
        Integration("segment", ACCOUNTS["segment"]),
        Integration("segment", ACCOUNTS["segment"], route=route),
    ):
        for shared, own in ((IP, -1), (-1, IP)):
            data = {"strict": False, "context": shared}
            batch = read_batch({**data, "messages": [{**ITEM, "context": own}, ITEM]})
            prepared = prepare_batch(batch, integration, DEFAULTS)
            first = from_json(prepared.messages[0].item or b"")
            assert (first["context"], prepared.left_out["context"]) == (IP, 1 if own == -1 else 2)

            single = {**data, "track": {**TRACK, "context": own}}
            envelope, fields = read_input(METHODS["track"], normalise(METHODS["track"], single))
            routed = route_message(integration, fields, envelope, prepared.violations)
            delivery = prepare(integration.provider, routed, envelope, DEFAULTS.of(0)).delivery
            assert (delivery.context, delivery.left_out) == (IP, {"context"})


CALLS: list[Json] = [{**TRACK, "context": context} for context in NO_OBJECTS]


@pytest.mark.parametrize("call", CALLS, ids=repr)
async def test_the_clients_take_it_and_keep_their_own(
    temporal: Client, running_worker: Settings, standin: StandIn, call: Json
) -> None:
    """The context of the client can have the consent of the user."""
    options: Json = {
        "integration": "segment",
        "context": IP,
        "task_queue": running_worker.task_queue,
    }
    analytics = AnalyticsClient(temporal, **options)
    single = await (await analytics.track(**call, strict=False)).result()
    in_batch = await (
        await analytics.batch([{"type": "track", **call}, ITEM], strict=False)
    ).result()
    beside = await (
        await analytics.batch(
            [ITEM, {**ITEM, "context": {"locale": "en"}}, {"type": "track", **call}],
            context=call["context"],
            strict=False,
        )
    ).result()
    outcomes: list[Any] = []
    async with BufferingClient(temporal, strict=False, **options) as buffering:
        buffering.track(**call, callback=outcomes.append)
    (buffered,) = [await temporal.get_workflow_handle(one.workflow_id).result() for one in outcomes]

    outputs = (single, in_batch, beside, buffered)
    assert [output["left_out"] for output in outputs] == [{"context": n} for n in (1, 1, 3, 1)]
    bodies = [request["body"] for request in standin.requests]
    contexts = [item["context"] for body in bodies for item in body.get("batch", [body])]
    assert len(contexts) == 7
    assert {context["ip"] for context in contexts} == {IP["ip"]}
    assert {context["library"]["name"] for context in contexts} == {"durable-analytics"}
    assert [context.get("locale") for context in contexts].count("en") == 1


@pytest.mark.parametrize("context", ["", " ", [], (), {}], ids=repr)
async def test_the_clients_keep_their_own_beside_an_empty_one(
    temporal: Client, running_worker: Settings, standin: StandIn, context: Any
) -> None:
    analytics = AnalyticsClient(
        temporal, integration="segment", context=IP, task_queue=running_worker.task_queue
    )
    single = await (await analytics.track(**TRACK, context=context, strict=False)).result()
    batch = await (await analytics.batch([ITEM], context=context, strict=False)).result()

    assert "left_out" not in {*single, *batch}
    first, second = (request["body"] for request in standin.requests)
    for item in (first, second["batch"][0]):
        assert item["context"]["ip"] == IP["ip"]


@pytest.mark.parametrize("call", CALLS, ids=repr)
async def test_strict_clients_refuse_it_in_the_callers_line(temporal: Client, call: Json) -> None:
    analytics = AnalyticsClient(temporal)
    with pytest.raises(ValidationError, match=r"^context must be an object"):
        await analytics.track(**call)
    with pytest.raises(ValidationError, match=r"^context must be an object"):
        await analytics.batch([ITEM], context=call["context"])
    with pytest.raises(ValidationError, match=r"^context must be an object"):
        BufferingClient(temporal).track(**call)


@pytest.mark.parametrize("call", CALLS, ids=repr)
def test_an_import_takes_it_only_with_no_strict(call: Json) -> None:
    """It reaches the worker, which names it."""
    row = Row(1, {"type": "track", **call})
    lenient, strict = (
        MessageBuilder(Columns({}, [], "track"), uuid.uuid4(), strict=strict).build(row)
        for strict in (False, True)
    )

    assert isinstance(lenient, ImportedMessage)
    assert from_json(lenient.content)["context"] == call["context"]
    assert isinstance(strict, RefusedRow)
    assert "context must be an object" in strict.message


REDRIVEN: list[tuple[Any, Any]] = [
    (IP, -1),
    (-1, IP),
    (0, None),
    (None, 0),
    (-1, "x"),
    (" ", IP),
    (IP, " "),
    ([], []),
    (IP, {"locale": "en"}),
]


def delivered(workflow: str, data: Any) -> tuple[Any, Json]:
    """The context that Segment gets of an input, and what is left out."""
    segment = ACCOUNTS["segment"]
    if workflow == "Batch":
        batch = prepare_batch(read_batch(data), Integration("segment", segment), DEFAULTS)
        (message,) = batch.messages
        return from_json(message.item or b"").get("context"), dict(batch.left_out)
    envelope, fields = read_input(METHODS["track"], normalise(METHODS["track"], decode(data)))
    delivery = prepare(segment, fields, envelope, DEFAULTS.of(0)).delivery
    request = segment.build(delivery)
    return from_json(request.content() or b"").get("context"), dict.fromkeys(delivery.left_out, 1)


@pytest.mark.parametrize(("shared", "own"), REDRIVEN)
@pytest.mark.parametrize("options", [{}, {"request_options": {"headers": {"X-A": "b"}}}])
def test_a_redrive_leaves_out_the_same(shared: Any, own: Any, options: Json) -> None:
    """And sends the same context."""
    data = {"strict": False, "context": shared, **options}
    planned = {"message_id": str(uuid.uuid4()), "timestamp": "2026-01-31T09:30:00Z"}
    for workflow, method, input_ in (
        ("Track", METHODS["track"], {**data, "track": {**TRACK, "context": own}}),
        ("Batch", BATCH, {**data, "messages": [{**ITEM, "context": own}]}),
    ):
        recorded = Recorded(method, rename_keys(method, input_), planned)
        (carrier,) = load([carry(recorded, Origin("w", "r", 0), None)])

        assert delivered(carrier.workflow, carrier.input) == delivered(workflow, input_)


@pytest.mark.parametrize(
    ("shared", "own"), [(None, 0), (None, ""), (None, "x"), (IP, False), (0, None), ("", None)]
)
def test_a_redrive_of_a_strict_one_is_refused_again(shared: Any, own: Any) -> None:
    """Whatever it was beside."""
    data = rename_keys(BATCH, {"context": shared, "messages": [{**ITEM, "context": own}]})
    planned = {"message_id": str(uuid.uuid4()), "timestamp": "2026-01-31T09:30:00Z"}

    (carrier,) = load([carry(Recorded(BATCH, data, planned), Origin("w", "r", 0), None)])
    batch = read_batch(carrier.input)
    prepared = prepare_batch(batch, Integration("segment", ACCOUNTS["segment"]), DEFAULTS)

    (rejection,) = prepared.rejected
    assert rejection["error"]["message"] == "messages.0.context must be an object"


async def test_the_gateway_accepts_it(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """In a message and next to a list."""
    settings = settings_for(standin, task_queue=task_queue)
    message = {"type": "track", "userId": "u-1", "event": "E"}
    requests = [
        ("track", {**message, "context": -1}),
        ("batch", {"batch": [{**message, "context": -1}, message]}),
        ("batch", {"batch": [message, message], "context": -1}),
    ]

    async with (
        gateway_process(address(temporal), task_queue) as gateway,
        own_worker(temporal, settings),
        client(gateway) as http,
    ):
        for path, body in requests:
            response = await http.post(f"/v1/{path}", json=body, auth=AUTH)
            assert (response.status_code, response.json()) == (200, SUCCESS)
        found = await executions(temporal, task_queue, len(requests))
        outputs = [await outcome(temporal, execution.id) for execution in found]

    assert sorted(output["left_out"]["context"] for output in outputs) == [1, 1, 2]
    assert not [body for body in sent_by(standin) if '"context"' in body]
