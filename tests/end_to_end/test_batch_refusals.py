"""What a provider refuses of a batch, whole or in part, and how each message's lot is told."""

import logging
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHistory

from durable_analytics.errors import DeliveryError, Rejected
from durable_analytics.providers import HttpResponse
from durable_analytics.providers.segment import Segment
from durable_analytics.testing import VENDORS, StandIn
from tests.support.batches import BAD, DELETE, TRACK, ids, numbered, rejected_ids, start_batch, told
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import IntegrationSettings, Settings

ONCE: Json = {"request": {"retry_policy": {"maximum_attempts": 1}}}


class Particular(Segment):
    """Tells each message that it did not take."""

    def classify_batch(
        self, response: HttpResponse, count: int
    ) -> DeliveryError | Mapping[int, DeliveryError]:
        """See base class."""
        if failure := self.classify(response):
            return failure
        indexes = response.body.get("errors", [])
        assert count >= len(indexes)
        return {index: Rejected("too odd") for index in indexes}


async def particular(
    client: Client, standin: StandIn, data: Json, *answers: Json
) -> tuple[Json, list[list[str]]]:
    """The output of a batch at such a provider, and the ids of what it got, request by request."""
    standin.script("segment", *answers)
    given = settings_for(standin).integrations["segment"].provider
    account = IntegrationSettings(provider=Particular(**dict(given)), allow_policies_override=True)
    queue = f"particular-{uuid.uuid4()}"
    settings = settings_for(standin, task_queue=queue, integrations={"segment": account})
    async with own_worker(client, settings):
        output = await outcome(await start_batch(client, queue, data))
    return output, [ids(request) for request in standin.requests]


async def test_each_refused_message_is_told(temporal: Client, standin: StandIn) -> None:
    """By its index in the input, not by its place in the request, with its id and the reason."""
    messages = [BAD, *numbered(3), BAD, TRACK]
    output, (sent,) = await particular(
        temporal, standin, {"messages": messages}, {"status": 200, "body": {"errors": [1, 3]}}
    )

    assert (output["status"], output["accepted"]) == ("partial", 2)
    assert told(output) == {
        0: ("ValidationError", None),
        2: ("Rejected", "m-1"),
        4: ("ValidationError", None),
        5: ("Rejected", sent[3]),
    }
    assert output["rejected"][1]["error"]["message"] == "too odd"


async def test_each_message_refused(temporal: Client, standin: StandIn) -> None:
    """The execution fails, with the provider's word and its answer."""
    answer = {"status": 200, "body": {"errors": [0, 1]}}
    output, _ = await particular(temporal, standin, {"messages": [BAD, *numbered(2)]}, answer)

    assert output["status"] == "failure"
    assert output["error"]["type"] == "Rejected"
    assert (
        output["error"]["message"]
        == "none of the 3 messages was accepted; the first reason: too odd"
    )
    assert told(output).keys() == {0, 1, 2}
    assert output["responses"][0]["body"] == answer["body"]


async def test_refused_after_a_split(temporal: Client, standin: StandIn) -> None:
    """Indexes stay the input's, however the batch was cut, and wherever bad messages stood."""
    messages = [BAD, *numbered(3), BAD, BAD, *numbered(6)[3:]]
    refuses_last = {"status": 200, "body": {"errors": [2]}}
    output, sent = await particular(
        temporal, standin, {"messages": messages}, {"status": 413}, {}, refuses_last
    )

    names = [f"m-{number}" for number in range(6)]
    assert sent == [names, names[:3], names[3:]]
    assert output["accepted"] == 5
    assert told(output) == {
        **dict.fromkeys([0, 4, 5], ("ValidationError", None)),
        8: ("Rejected", "m-5"),
    }


async def test_a_message_too_large_alone(execute: Execute, standin: StandIn) -> None:
    """Halved until it is alone: it is refused, the others arrive, all in their order."""
    standin.script("segment", *({"status": status} for status in (413, 413, 200, 413, 200)))

    output = await execute("Batch", {"messages": numbered(4)})

    assert [ids(r) for r in standin.requests] == [
        ["m-0", "m-1", "m-2", "m-3"],
        ["m-0", "m-1"],
        ["m-0"],
        ["m-1"],
        ["m-2", "m-3"],
    ]
    assert (output["accepted"], told(output)) == (3, {1: ("Rejected", "m-1")})
    assert [r["status_code"] for r in output["responses"]] == [200, 413, 200]


async def test_a_413_with_the_longest_answer(execute: Execute, standin: StandIn) -> None:
    """Temporal cuts a failure that is too long; the status that says to split is not lost."""
    names = ("retry-after", "x-request-id", "x-ratelimit-limit", "x-ratelimit-reset")
    long = {"headers": dict.fromkeys(names, "\\" * 300), "body": '"é' * 40_000}
    standin.script("segment", {"status": 413, **long})

    output = await execute("Batch", {"messages": numbered(2)})

    assert (output["status"], len(standin.requests)) == ("success", 3)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 400}, "Rejected"),
        ({"status": 401}, "Unauthorized"),
        ({"status": 200, "body": {"success": False}}, "Rejected"),
        ({"status": 429}, "RateLimited"),
        ({"status": 503}, "Unavailable"),
        ({"drop": True}, "Unavailable"),
    ],
)
async def test_a_slice_refused_as_a_whole(
    execute: Execute, standin: StandIn, answer: Json, error: str
) -> None:
    """Its messages are told with the answer's error; the slices behind it are still sent."""
    standin.script("segment", answer)
    messages = [*numbered(2), BAD, DELETE, *numbered(3)[2:]]

    output = await execute("Batch", {"policies": ONCE, "messages": messages})

    assert (output["status"], output["accepted"]) == ("partial", 2)
    assert told(output) == {
        0: (error, "m-0"),
        1: (error, "m-1"),
        2: ("ValidationError", None),
    }
    assert [ids(r) for r in standin.requests] == [["m-0", "m-1"], ["/regulations"], ["m-2"]]


async def test_told_ids_are_those_that_were_sent(execute: Execute, standin: StandIn) -> None:
    """Of messages with an id in either spelling, with null for one, and with none."""
    standin.script("segment", {"status": 400})
    own: list[Json] = [{"message_id": "snake"}, {"messageId": "camel"}, {"message_id": None}, {}]

    output = await execute("Batch", {"messages": [{**TRACK, **one} for one in own]})

    (request,) = standin.requests
    assert rejected_ids(output) == dict(enumerate(ids(request)))


async def test_a_retry_waits_as_asked(execute: Execute, standin: StandIn) -> None:
    """A slice's `Retry-After` counts as a single message's does."""
    standin.script("segment", {"status": 429, "headers": {"Retry-After": "3600"}})
    data = {"policies": {"request": {"total_timeout": "PT1M"}}, "messages": numbered(2)}

    output = await execute("Batch", data)

    assert output["error"]["type"] == "RateLimited"
    assert told(output).keys() == {0, 1}
    assert len(standin.requests) == 1


async def test_five_thousand_refused(execute: Execute, standin: StandIn) -> None:
    """With answers as long as answers are kept: the execution ends, and tells each message."""
    answers = [{"status": 400, "body": "é" * 60_000}] * 3
    standin.script("segment", *answers)
    messages = [{**one, "message_id": f"{'ö' * 35}{i}"} for i, one in enumerate(numbered(5000))]

    output = await execute("Batch", {"messages": messages})

    assert output["error"]["type"] == "Rejected"
    assert [one["index"] for one in output["rejected"]] == list(range(5000))
    assert output["accepted"] == 0


@pytest.mark.parametrize("status", [200, 400, 401, 413])
@pytest.mark.parametrize("integration", VENDORS)
async def test_no_credential_leaves_the_worker(
    temporal: Client,
    running_worker: Settings,
    execute: Execute,
    standin: StandIn,
    caplog: pytest.LogCaptureFixture,
    integration: str,
    status: int,
) -> None:
    """Even when a provider echoes each of them, of one request or of many."""
    caplog.set_level(logging.DEBUG)
    secrets = running_worker.integrations[integration].provider.secret_values()
    standin.script(integration, *[{"status": status, "body": {"echo": sorted(secrets)}}] * 3)
    workflow_id = f"secret-{uuid.uuid4()}"
    methods = running_worker.integrations[integration].provider.methods()
    message = {"type": "identify"} if "identify" in methods else {"type": "track", "event": "E"}
    messages = [{**message, "user_id": "u-1"}] * 2

    output = await execute(
        "Batch", {"integration": integration, "messages": messages}, id=workflow_id
    )

    history = await temporal.get_workflow_handle(workflow_id).fetch_history()
    seen: list[Any] = [output, _bytes(history), caplog.text]
    everything = repr([seen, [record.__dict__ for record in caplog.records]])
    assert [secret for secret in secrets if secret in everything] == []
    assert "[credential]" in everything


def _bytes(history: WorkflowHistory) -> bytes:
    return b"".join(event.SerializeToString() for event in history.events)
