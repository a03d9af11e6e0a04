"""`on_invalid="report"`: a wrong message does not end the request that it was tracked in."""

import logging
from typing import Any

import pytest
from temporalio.client import Client

from durable_analytics import BufferingClient, ClientClosed, Outcome, QueueFull, ValidationError
from tests.support.buffering import NEVER, SOON, Gate, track

Reports = list[tuple[Exception, list[Any]]]


@pytest.fixture
def reports() -> Reports:
    """What `on_error` was called with."""
    return []


@pytest.fixture
def client(connected: Client, reports: Reports) -> BufferingClient:
    """A client that reports."""
    return BufferingClient(
        connected,
        flush_interval=NEVER,
        max_queue_size=1,
        on_invalid="report",
        on_error=lambda *both: reports.append(both),
    )


SECRET = object()


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ({"user_id": "u-1"}, "track.event is required"),
        ({"user_id": "u-1", "event": "E", "evnt": 1}, "track.evnt is not a known key"),
        ({"user_id": "u-1", "event": "E", "strict": False}, "strict is an option of the client"),
        (
            {"user_id": "u-1", "event": "E", "properties": {"a": SECRET}},
            "track.properties.a has the type object",
        ),
        ({"user_id": "u-1", "event": "x" * 2_000_000}, "track has 2000"),
    ],
)
def test_an_invalid_message_is_reported_instead_of_raised(
    *,
    client: BufferingClient,
    gate: Gate,
    reports: Reports,
    caplog: pytest.LogCaptureFixture,
    call: Any,
    problem: str,
) -> None:
    """`on_error` and the callback get it as it was passed; the call returns its id."""
    outcomes: list[Outcome] = []

    message_id = client.track(**call, callback=outcomes.append)

    ((error, messages),) = reports
    assert isinstance(error, ValidationError)
    assert problem in str(error)
    assert messages == [{"type": "track", **call}]
    assert outcomes == [Outcome(message_id, None, error)]
    assert message_id
    assert problem in caplog.text
    assert "u-1" not in caplog.text
    client.close(SOON)
    assert gate.starts == []


def test_a_reported_message_keeps_its_own_id(client: BufferingClient) -> None:
    """Where it has one."""
    assert client.track(user_id="u-1", event="", message_id="own") == "own"


def test_an_invalid_callback_is_reported_to_on_error(
    client: BufferingClient, reports: Reports
) -> None:
    """Nobody can be called, but `on_error`."""
    track(client, callback=7)

    ((error, messages),) = reports
    assert isinstance(error, TypeError)
    assert messages == [{"type": "track", "user_id": "u-1", "event": "E"}]


def test_a_client_without_on_error_logs_invalid_messages(
    connected: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has it."""
    client = BufferingClient(connected, on_invalid="report")
    client.track(user_id="u-1", event="")

    assert "track.event is required" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


def test_an_on_error_that_raises_does_not_reach_the_caller(connected: Client) -> None:
    """Does not reach the request."""

    def on_error(*_: Any) -> None:
        raise LookupError

    client = BufferingClient(connected, on_invalid="report", on_error=on_error)
    client.track(user_id="u-1", event="")


def test_a_full_queue_and_a_closed_client_still_raise(
    client: BufferingClient, gate: Gate, reports: Reports
) -> None:
    """A full queue and a closed client are no fault of the message."""
    track(client)
    with pytest.raises(QueueFull):
        track(client)
    client.close(SOON)
    with pytest.raises(ClientClosed):
        track(client)
    assert reports == []
    assert len(gate.starts) == 1


def test_invalid_messages_raise_by_default(connected: Client) -> None:
    """Raises in the caller's line."""
    with pytest.raises(ValidationError):
        BufferingClient(connected).track(user_id="u-1", event="")
