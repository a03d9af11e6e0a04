"""Who is told what became of a message, and what happens where they fail."""

import threading
from typing import Any

import pytest

from durable_analytics import BufferingClient, NotAccepted, Outcome, ValidationError
from durable_analytics.wire.messages import JsonObject
from tests.support.buffering import SOON, Gate, Make, refusal, track


def test_each_callback_gets_the_outcome_of_its_message(make: Make, gate: Gate) -> None:
    """The message's id and the execution that carries it; those without a callback get none."""
    outcomes: list[Outcome] = []
    client = make()
    first = client.track(user_id="u-1", event="E", callback=outcomes.append)
    track(client, 2)
    last = client.identify(user_id="u-1", callback=outcomes.append)

    client.flush(SOON)

    (start,) = gate.starts
    assert outcomes == [Outcome(first, start.id, None), Outcome(last, start.id, None)]
    assert "callback" not in start.messages[0]


def test_callbacks_run_in_the_clients_thread(make: Make) -> None:
    """Before a flush returns."""
    threads: list[threading.Thread] = []
    client = make()
    track(client, callback=lambda _: threads.append(threading.current_thread()))

    client.flush(SOON)

    (thread,) = threads
    assert thread is not threading.current_thread()
    assert thread.daemon


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(1)])
def test_a_callback_that_raises_is_only_logged(
    make: Make, gate: Gate, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    """It is logged; the other callbacks are called, and the client goes on."""

    def fail(_: Outcome) -> None:
        raise error

    outcomes: list[Outcome] = []
    client = make()
    track(client, callback=fail)
    ids = track(client, callback=outcomes.append)
    client.flush(SOON)
    ids += track(client, callback=outcomes.append)
    client.flush(SOON)

    assert [outcome.message_id for outcome in outcomes] == ids
    assert len(gate.starts) == 2
    (record,) = caplog.records
    assert record.getMessage() == "a callback of the buffering client failed"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_an_on_error_that_raises_is_only_logged(
    make: Make, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    """As a callback."""

    def fail(_: Exception, __: list[JsonObject]) -> None:
        raise LookupError("broken")

    client = make(on_error=fail)
    gate.refuse(refusal())
    track(client)
    client.flush(SOON)
    track(client)
    client.flush(SOON)

    assert len(gate.starts) == 2
    assert "LookupError: broken" in caplog.text


def test_a_callback_may_enqueue_messages(make: Make, gate: Gate) -> None:
    """The new message is one as any other."""
    outcomes: list[Outcome] = []
    client = make()
    (first,) = track(client, callback=lambda _: track(client, callback=outcomes.append))

    client.flush(SOON)
    client.flush(SOON)

    before, after = gate.starts
    assert before.ids == [first]
    assert outcomes == [Outcome(after.ids[0], after.id, None)]


@pytest.mark.parametrize("wait", ["flush", "close"])
def test_a_callback_cannot_flush_or_close(
    make: Make, caplog: pytest.LogCaptureFixture, wait: str
) -> None:
    """The call would wait for the thread that it runs in; it raises instead."""
    client = make()
    track(client, callback=lambda _: getattr(client, wait)())

    client.flush(SOON)

    assert "it runs in the thread that it would wait for" in caplog.text


def test_closing_reports_all_remaining_messages_at_once(make: Make, gate: Gate) -> None:
    """In flight or queued: each callback, and `on_error` once with all messages in their order."""
    outcomes: list[Outcome] = []
    lost: list[tuple[Exception, list[JsonObject]]] = []
    client = make(
        on_error=lambda *both: lost.append(both), max_flushes=1, flush_at=2, max_batch_messages=2
    )
    gate.hold()
    ids = track(client, 5, callback=outcomes.append)
    gate.wait_for(1)

    with pytest.raises(NotAccepted, match="before Temporal had 5 messages") as raised:
        client.close(timeout=SOON / 1000)

    assert [(outcome.message_id, outcome.workflow_id) for outcome in outcomes] == [
        (id_, None) for id_ in ids
    ]
    ((error, messages),) = lost
    assert error is raised.value
    assert {outcome.error for outcome in outcomes} == {error}
    assert [message["message_id"] for message in messages] == ids


class TestDisabled:
    """A client for tests: it checks, and keeps nothing."""

    def test_a_disabled_client_checks_and_calls_back_at_once(self) -> None:
        """The callback runs in the caller's line, and there is no execution."""
        outcomes: list[Outcome] = []
        client = BufferingClient(disabled=True)

        message_id = client.track(user_id="u-1", event="E", callback=outcomes.append)

        assert outcomes == [Outcome(message_id, None, None)]
        with pytest.raises(ValidationError, match=r"track\.event is required"):
            client.track(user_id="u-1", event="")

    async def test_a_disabled_client_never_waits(self) -> None:
        """Nothing is queued, so that nothing is ever full or left."""
        async with BufferingClient(disabled=True, max_queue_size=1) as client:
            track(client, 10)
            await client.room()
            await client.aflush(SOON)
            client.flush(SOON)

        assert "durable-analytics" not in {thread.name for thread in threading.enumerate()}

    def test_a_disabled_client_never_connects(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It never connects."""

        async def connect(*_: Any, **__: Any) -> None:
            raise AssertionError

        monkeypatch.setattr("durable_analytics.temporal.connection.connect", connect)
        with BufferingClient(disabled=True) as client:
            track(client, 200)
