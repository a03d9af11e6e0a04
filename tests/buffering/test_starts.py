"""What is started, and what happens where Temporal does not take it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCStatusCode

from durable_analytics import NotAccepted, Outcome, Policies, RequestPolicy
from durable_analytics.buffering import _flusher
from durable_analytics.version import __version__
from durable_analytics.wire.messages import JsonObject
from tests.support.buffering import SOON, Gate, Make, refusal, track

LIBRARY = {"name": "durable-analytics", "version": __version__}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat at once, and do not let a lost answer take five seconds."""
    monkeypatch.setattr(_flusher, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(_flusher, "_LONGEST_PAUSE_SECONDS", 0.002)
    monkeypatch.setattr(_flusher, "_START_TIMEOUT", timedelta(milliseconds=100))


def test_a_flush_starts_one_execution_with_all_messages(make: Make, gate: Gate) -> None:
    """The contract's input, on the task queue, joined by a repeated start."""
    client = make(task_queue="elsewhere")
    track_id = client.track(user_id="u-1", event="E", properties={"a": [1, None]})
    client.identify(
        anonymous_id="a-1",
        traits={},
        context={"userAgent": "curl"},
        message_id="own-id",
        timestamp="2026-01-31T09:30:00Z",
        integrations={"All": False},
    )

    client.flush(SOON)

    (start,) = gate.starts
    (tracked, identified) = start.messages
    assert start.data == {"context": {"library": LIBRARY}, "messages": start.messages}
    assert tracked.pop("default_timestamp").endswith("Z")
    assert tracked == {
        "type": "track",
        "message_id": track_id,
        "user_id": "u-1",
        "event": "E",
        "properties": {"a": [1, None]},
    }
    assert identified == {
        "type": "identify",
        "message_id": "own-id",
        "timestamp": "2026-01-31T09:30:00Z",
        "anonymous_id": "a-1",
        "traits": {},
        "integrations": {"All": False},
        "context": {"user_agent": "curl"},
    }
    assert start.input.workflow == "Batch"
    assert start.input.task_queue == "elsewhere"
    assert start.id.startswith("default:batch:")
    assert start.input.id_conflict_policy is WorkflowIDConflictPolicy.USE_EXISTING
    assert start.input.id_reuse_policy is WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY


def test_the_clients_options_stand_beside_the_messages(make: Make, gate: Gate) -> None:
    """What holds for all messages stands beside them, once."""
    client = make(
        integration="segment_eu",
        context={"userAgent": "shop", "library": {"name": "shop"}},
        policies=Policies(request=RequestPolicy(single_attempt_timeout=timedelta(seconds=5))),
        request_options={"query": {"debug": "1"}},
        strict=False,
    )
    track(client)

    client.flush(SOON)

    (start,) = gate.starts
    assert start.id.startswith("segment_eu:batch:")
    assert {key: value for key, value in start.data.items() if key != "messages"} == {
        "integration": "segment_eu",
        "context": {"userAgent": "shop", "library": {"name": "shop"}},
        "policies": {"request": {"single_attempt_timeout": "PT5S"}},
        "request_options": {"query": {"debug": "1"}},
        "strict": False,
    }


def test_a_context_of_none_is_not_sent(make: Make, gate: Gate) -> None:
    """A message without a context of its own has the one that all share."""
    client = make()
    track(client, context=None)

    client.flush(SOON)

    assert "context" not in gate.starts[0].messages[0]


@pytest.mark.parametrize(
    "failure",
    [
        refusal(RPCStatusCode.UNAVAILABLE),
        refusal(RPCStatusCode.RESOURCE_EXHAUSTED, "namespace rate limit exceeded"),
        refusal(RPCStatusCode.UNAUTHENTICATED),
        refusal(RPCStatusCode.PERMISSION_DENIED),
        refusal(RPCStatusCode.NOT_FOUND),
        refusal(RPCStatusCode.DEADLINE_EXCEEDED),
        refusal(RPCStatusCode.INTERNAL),
        TimeoutError(),
        ValueError("a codec's own"),
    ],
    ids=lambda failure: getattr(getattr(failure, "status", None), "name", None) or repr(failure),
)
def test_temporary_failures_are_repeated_with_the_same_id(
    make: Make, gate: Gate, failure: Exception
) -> None:
    """With the same id, so that one whose answer was lost is joined; nobody is told anything."""
    outcomes: list[Any] = []
    client = make(on_error=lambda *lost: outcomes.append(lost))
    gate.refuse(*[failure] * 4)
    ids = track(client, 3, callback=outcomes.append)

    client.flush(SOON)

    assert [start.ids for start in gate.starts] == [ids] * 5
    (workflow_id,) = {start.id for start in gate.starts}
    assert outcomes == [Outcome(id_, workflow_id, None) for id_ in ids]


def test_a_start_without_response_is_repeated(make: Make, gate: Gate) -> None:
    """An attempt that hangs is given up, and repeated."""
    client = make()
    gate.hold()
    track(client)

    client.flush(SOON)

    first, second = gate.starts
    assert first.id == second.id


def test_an_execution_that_exists_already_counts_as_started(make: Make, gate: Gate) -> None:
    """It was started by an attempt whose answer was lost, and has ended since."""
    outcomes: list[Outcome] = []
    client = make()
    gate.refuse(TimeoutError(), WorkflowAlreadyStartedError("there", "Batch"))
    (id_,) = track(client, callback=outcomes.append)

    client.flush(SOON)

    assert outcomes == [Outcome(id_, gate.starts[0].id, None)]
    assert len(gate.starts) == 2


@pytest.mark.parametrize(
    "failure",
    [
        refusal(),
        refusal(RPCStatusCode.RESOURCE_EXHAUSTED, "grpc: received message larger than max"),
    ],
)
def test_a_refused_batch_is_split_into_halves(make: Make, gate: Gate, failure: Exception) -> None:
    """In halves, in order, each an execution of its own."""
    outcomes: list[Outcome] = []
    client = make()
    gate.refuse(failure, failure)
    ids = track(client, 5, callback=outcomes.append)

    client.flush(SOON)

    assert [start.ids for start in gate.starts] == [ids, ids[:2], ids[:1], ids[1:2], ids[2:]]
    assert len({start.id for start in gate.starts}) == 5
    kept = {id_: start.id for start in gate.starts[2:] for id_ in start.ids}
    assert outcomes == [Outcome(id_, kept[id_], None) for id_ in ids]


def test_a_refused_message_goes_to_its_callback_and_on_error(
    make: Make, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes to its callback and to `on_error`, alone; the others are kept."""
    outcomes: list[Outcome] = []
    lost: list[tuple[Exception, list[JsonObject]]] = []
    client = make(on_error=lambda *both: lost.append(both))
    gate.refuse(refusal(), refusal(message="it is too large"))
    ids = track(client, 2, callback=outcomes.append)

    client.flush(SOON)

    refused, kept = outcomes
    assert refused.message_id == ids[0]
    assert refused.workflow_id is None
    assert isinstance(refused.error, NotAccepted)
    assert str(refused.error) == "Temporal refuses the message: it is too large"
    assert kept == Outcome(ids[1], gate.starts[2].id, None)
    ((error, messages),) = lost
    assert error is refused.error
    assert [(message["type"], message["message_id"]) for message in messages] == [("track", ids[0])]
    assert "not kept by Temporal: 1 messages (Temporal refuses the message" in caplog.text


async def test_starts_run_in_the_clients_own_event_loop(make: Make, gate: Gate) -> None:
    """Starts run in the client's thread, not in a loop of the caller."""
    client = make()
    held = gate.hold()
    track(client)
    flush = asyncio.create_task(client.aflush(SOON))

    await asyncio.to_thread(gate.wait_for, 1)
    assert not flush.done()
    held.set_result(None)
    await flush
