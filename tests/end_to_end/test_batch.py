"""The `Batch` workflow from outside: the good messages arrive, the bad ones are told."""

import asyncio
import json
import uuid
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.batches import TRACK
from tests.support.json_objects import Execute, Json
from tests.support.programs import TEMPORAL
from tests.support.raw_payloads import raw
from tests.support.refusals import NOT_JSON
from worker import Settings

FIVE: list[Json] = [
    {"type": "identify", "user_id": "u-1", "traits": {"plan": "pro"}},
    TRACK,
    {"type": "group", "user_id": "u-1", "group_id": "g-1"},
    {"type": "page", "user_id": "u-1", "name": "Home"},
    {"type": "screen", "anonymous_id": "a-1", "name": "Cart"},
]
"""A message of each of five methods."""

NOT_AN_OBJECT = (
    'the input must be one JSON object, like {"messages": [{"type": "track", "…": "…"}]}'
)
UNPACKS_TO_NOTHING = (
    "the input is compressed (binary/zstd) and cannot be decompressed to a payload of at most 4 MiB"
)
NO_LIST = 'messages is required: a list of messages, like [{"type": "track", "user_id": "u-1", …}]'


async def test_nine_good_and_one_bad(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """From the command line: one request with the nine in order, and word of the tenth."""
    good = [*FIVE, *FIVE[:4]]
    messages = [*good[:6], {"type": "track", "user_id": "u-1"}, *good[6:]]
    process = await asyncio.create_subprocess_exec(
        *(TEMPORAL, "workflow", "execute", "--type", "Batch", "--output", "json"),
        *("--task-queue", running_worker.task_queue, "--input", json.dumps({"messages": messages})),
        *("--address", temporal.service_client.config.target_host),
        stdout=asyncio.subprocess.PIPE,
    )
    written, _ = await process.communicate()
    output = json.loads(written)["result"]

    assert (output["status"], output["accepted"]) == ("partial", 9)
    (rejected,) = output["rejected"]
    assert rejected["index"] == 6
    assert rejected["error"] == {
        "type": "ValidationError",
        "message": "messages.6.event is required",
        "fields": [{"path": "messages.6.event", "message": "is required"}],
    }
    (request,) = standin.requests
    assert (request["method"], request["path"]) == ("POST", "/v1/batch")
    items = request["body"]["batch"]
    assert [item["type"] for item in items] == [message["type"] for message in good]
    assert len({item["messageId"] for item in items}) == 9


async def test_all_good(execute: Execute, standin: StandIn) -> None:
    """The output has no `error`, the answer as it came, and the policy that was applied."""
    output = await execute("Batch", {"messages": FIVE})

    policy = output.pop("policies")["request"]
    assert (policy["single_attempt_timeout"], policy["total_timeout"]) == ("PT3S", "P1D")
    assert output == {
        "status": "success",
        "integration": "segment",
        "accepted": 5,
        "rejected": [],
        "responses": [
            {
                "status_code": 200,
                "headers": {"content-type": "application/json"},
                "body": {"success": True},
                "truncated": False,
            }
        ],
    }
    assert len(standin.requests) == 1


async def test_none_is_good(execute: Execute, standin: StandIn) -> None:
    """Nothing is sent, and the execution fails with each message's own problem."""
    output = await execute("Batch", {"messages": [None, {"type": "track", "user_id": "u-1"}]})

    assert (output["status"], output["accepted"], output["integration"]) == (
        "failure",
        0,
        "segment",
    )
    assert [one["error"]["fields"][0]["path"] for one in output["rejected"]] == [
        "messages.0",
        "messages.1.event",
    ]
    assert output["error"]["type"] == "ValidationError"
    assert [field["path"] for field in output["error"]["fields"]] == [
        "messages.0",
        "messages.1.event",
    ]
    assert standin.requests == []


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], NOT_AN_OBJECT),
        (["text"], NOT_AN_OBJECT),
        ([[TRACK]], NOT_AN_OBJECT),
        (
            [{"messages": [TRACK]}, {"messages": [TRACK]}],
            "the execution was started with 2 arguments: send one JSON object",
        ),
        ([{"messages": {"0": TRACK}}], NO_LIST),
        ([{"messages": []}], NO_LIST),
        ([{"batch": [TRACK]}], NO_LIST),
        (
            [{"messages": [TRACK], "track": TRACK}],
            (
                "track is not a known key; the known keys are context, deliver_to, integration, "
                "messages, policies, request_options, strict, tracking_plan"
            ),
        ),
        (
            [{"messages": [TRACK] * 5001}],
            "messages has 5001 messages; the limit is 5000: split it into several inputs",
        ),
        ([{"messages": [TRACK], "context": []}], "context must be an object"),
        (
            [{"messages": [TRACK], "request_options": {"body": {"batch": []}}}],
            (
                "request_options.body.batch is already part of the provider's request and cannot "
                "be replaced: remove it"
            ),
        ),
        ([raw(b'{"messages": [')], f"{NOT_JSON}: EOF while parsing a list at column 14"),
        (
            [raw(b'{"messages": [' + b"[" * 200 + b"]" * 200)],
            f"{NOT_JSON}: expected `]` at column 415",
        ),
        (
            [raw(b'{"messages": [], "context": ' + b"[" * 200 + b"]" * 200 + b"]}")],
            f"{NOT_JSON}: expected `,` or `}}` at column 429",
        ),
        ([raw(b"{}", b"binary/zstd")], UNPACKS_TO_NOTHING),
    ],
)
async def test_an_input_that_is_no_batch(
    execute: Execute, standin: StandIn, inputs: list[Any], message: str
) -> None:
    """It fails as a whole, in the output's usual shape, and leaves nothing running."""
    output = await execute("Batch", *inputs)

    assert output["error"]["message"] == message
    assert output["error"]["type"] == "ValidationError"
    assert (output["status"], output["accepted"], output["rejected"]) == ("failure", 0, [])
    assert standin.requests == []


async def test_odd_messages_harm_no_other(execute: Execute, standin: StandIn) -> None:
    """Whatever JSON can say where a message belongs."""
    odd = [
        *(b"null", b"7", b'"track"', b"[]", b"[[1]]", b"{}", b'{"type": ["track"]}'),
        *(b'{"type": "batch"}', b'{"type": "track", "userId": "u", "user_id": "u", "event": "E"}'),
        b'{"type": "track", "user_id": "u", "event": "E", "properties": {"n": 1e999}}',
        b'{"type": "track", "user_id": "u", "event": "E", "properties": {"n": [NaN]}}',
        b'{"type": "track", "user_id": "u", "event": "E", "context": {"ip": 5}}',
    ]
    deep = b'{"n":' + b"[" * 97 + b"]" * 97 + b"}"
    good = b'{"type": "track", "userId": "u", "event": "E", "properties": ' + deep + b"}"
    output = await execute("Batch", raw(b'{"messages": [' + b",".join([*odd, good]) + b"]}"))

    assert (output["status"], output["accepted"]) == ("partial", 1)
    assert [one["index"] for one in output["rejected"]] == list(range(len(odd)))
    assert {one["error"]["type"] for one in output["rejected"]} == {"ValidationError"}
    (request,) = standin.requests
    assert request["body"]["batch"][0]["properties"] == json.loads(deep)


async def test_context_and_options_of_the_input_are_everybodys(
    execute: Execute, standin: StandIn
) -> None:
    """An item's own keys win; null is "not set"; the options are the request's."""
    own: list[Json] = [{}, {"context": {"ip": "192.0.2.2"}}, {"context": None}]
    data: Json = {
        "context": {"ip": "192.0.2.1", "userAgent": "A"},
        "request_options": {"headers": {"X-Trace": "t"}, "query": {"q": 1}, "body": {"extra": 2}},
        "messages": [{**TRACK, **one} for one in own],
    }
    await execute("Batch", data)

    (request,) = standin.requests
    assert [item.get("context") for item in request["body"]["batch"]] == [
        {"ip": "192.0.2.1", "userAgent": "A"},
        {"ip": "192.0.2.2", "userAgent": "A"},
        {"ip": "192.0.2.1", "userAgent": "A"},
    ]
    assert request["headers"]["x-trace"] == "t"
    assert (request["query"], request["body"]["extra"]) == ({"q": "1"}, 2)


async def test_made_up_ids_stay(temporal: Client, execute: Execute, standin: StandIn) -> None:
    """Over attempts and over a reset of the execution, each message's own; given ones are kept."""
    standin.script("segment", {"status": 500})
    workflow_id = f"reset-{uuid.uuid4()}"
    await execute(
        "Batch", {"messages": [TRACK, {**TRACK, "messageId": "mine"}, TRACK]}, id=workflow_id
    )

    handle = temporal.get_workflow_handle(workflow_id)
    await _reset(temporal, workflow_id, (await handle.describe()).run_id)
    await temporal.get_workflow_handle(workflow_id).result()

    sent = [[item["messageId"] for item in r["body"]["batch"]] for r in standin.requests]
    assert sent == [sent[0]] * 3
    assert sent[0][1] == "mine"
    assert len(set(sent[0])) == 3


async def _reset(client: Client, workflow_id: str, run_id: str | None) -> None:
    execution = WorkflowExecution(workflow_id=workflow_id, run_id=run_id or "")
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=execution,
            workflow_task_finish_event_id=_FIRST_TASK_STARTED + 1,
            request_id=str(uuid.uuid4()),
        )
    )


_FIRST_TASK_STARTED = 3
"""The event: what Validation returned comes after the next one."""
