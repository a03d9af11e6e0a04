"""Durations are seconds or a `timedelta`, and a wrong argument is refused in the constructor."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client

from durable_analytics import AnalyticsClient, BufferingClient, NotAccepted, ValidationError
from tests.support.buffering import SOON, Gate, Make, track

DURATIONS = ["flush_interval", "wait_when_full", "exit_timeout"]
WRONG_DURATIONS: list[tuple[Any, type[Exception]]] = [
    (-1, ValueError),
    (-0.001, ValueError),
    (timedelta(seconds=-1), ValueError),
    (float("nan"), ValueError),
    (float("inf"), ValueError),
    (1e300, ValueError),
    (timedelta.max, ValueError),
    (True, TypeError),
    ("5", TypeError),
    ("PT5S", TypeError),
    ([5], TypeError),
]


@pytest.mark.parametrize("interval", [0, 0.05, timedelta(milliseconds=50)])
def test_a_flush_interval_may_be_seconds_or_a_timedelta(
    connected: Client, gate: Gate, interval: Any
) -> None:
    """The message goes out once the interval is over, without a flush."""
    client = BufferingClient(connected, flush_interval=interval, wait_when_full=1, exit_timeout=5)
    ids = track(client)
    assert gate.wait_for(1)[0].ids == ids
    client.close(5)


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize(("value", "kind"), WRONG_DURATIONS, ids=repr)
def test_invalid_durations_are_refused_by_the_constructor(
    name: str, value: Any, kind: type[Exception]
) -> None:
    """The error names the parameter, and says what to write."""
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(kind, match=rf"^{name} must be .*seconds.*write {name}="):
        BufferingClient(**arguments)


@pytest.mark.parametrize("name", ["flush_interval", "exit_timeout"])
def test_durations_that_are_required_may_not_be_none(name: str) -> None:
    """None is none."""
    arguments: dict[str, Any] = {name: None}
    with pytest.raises(TypeError, match=f"^{name} must be seconds or a timedelta, not NoneType"):
        BufferingClient(**arguments)


@pytest.mark.parametrize(("value", "kind"), WRONG_DURATIONS, ids=repr)
async def test_invalid_timeouts_of_flush_and_close_are_refused(
    make: Make, value: Any, kind: type[Exception]
) -> None:
    """The same, before anything is closed or waited for."""
    client = make()
    for call in (client.flush, client.close):
        with pytest.raises(kind, match=r"^timeout must be"):
            call(value)
    for start in (client.aflush, client.aclose):
        with pytest.raises(kind, match=r"^timeout must be"):
            await start(value)
    track(client)


def test_timeouts_may_be_seconds_timedeltas_or_none(make: Make, gate: Gate) -> None:
    """Seconds, a `timedelta`, and no end."""
    client = make()
    track(client)
    held = gate.hold()
    for short in (0, 0.01, timedelta(milliseconds=10)):
        with pytest.raises(NotAccepted, match="does not have 1 messages yet"):
            client.flush(short)
    held.set_result(None)
    client.flush(20)
    client.close(None)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"client": "segment"}, TypeError, "client must be a connected temporalio.client.Client, "),
        ({"client": "segment"}, TypeError, "integration='segment'"),
        ({"client": object()}, TypeError, "not object"),
        ({"on_error": "log"}, TypeError, "on_error must be a function, called as on_error(error, "),
        ({"on_error": asyncio.sleep}, TypeError, "on_error must be a normal function, not `async"),
        ({"on_invalid": "ignore"}, ValueError, 'on_invalid must be "raise" or "report"'),
        ({"on_invalid": True}, ValueError, 'on_invalid must be "raise" or "report"'),
        ({"data_converter": None}, TypeError, "data_converter must be a temporalio.converter."),
        ({"task_queue": None}, TypeError, "task_queue must be text, not NoneType"),
        ({"task_queue": " "}, ValueError, "task_queue must not be blank"),
        ({"disabled": "false"}, TypeError, "disabled must be True or False, not str"),
        ({"strict": 1}, ValidationError, "strict must be true or false"),
        ({"integration": ""}, ValidationError, "integration must not be blank"),
        ({"integration": ["segment"]}, ValidationError, "integration must be text"),
        ({"context": "a"}, ValidationError, "context must be an object"),
        ({"context": []}, ValidationError, "context must be an object"),
        ({"policies": "none"}, ValidationError, "policies must be an object"),
        ({"request_options": 7}, ValidationError, "request_options must be an object"),
        ({"flush_at": True}, TypeError, "flush_at must be a whole number, like 100, not bool"),
        ({"flush_at": 10.0}, TypeError, "flush_at must be a whole number, like 100, not float"),
        ({"max_queue_size": None}, TypeError, "max_queue_size must be a whole number"),
        ({"max_batch_bytes": "1"}, TypeError, "max_batch_bytes must be a whole number"),
        ({"max_batch_bytes": 20}, ValueError, "max_batch_bytes must be more than"),
        ({"max_batch_messages": 0}, ValueError, "max_batch_messages must be 1 to 5000, not 0"),
        ({"max_flushes": float("nan")}, TypeError, "max_flushes must be a whole number"),
        (
            {"request_options": {"body": {"a": "x" * 200_000}}, "max_batch_bytes": 1_900_000},
            ValueError,
            "max_batch_bytes must be at most",
        ),
    ],
)
def test_invalid_arguments_are_refused_by_the_constructor(
    arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    """None of them surfaces only while messages are sent."""
    with pytest.raises(kind, match=re.escape(message)):
        BufferingClient(**arguments)


async def test_a_connection_that_was_not_awaited_is_refused() -> None:
    """The error says so."""
    connecting: Any = Client.connect("127.0.0.1:1", lazy=True)
    with pytest.raises(TypeError, match="not coroutine; `await` it"):
        BufferingClient(connecting)


@pytest.mark.parametrize("callback", ["later", asyncio.sleep, 7])
def test_callbacks_that_are_no_plain_functions_are_refused(
    make: Make, gate: Gate, callback: Any
) -> None:
    """Refused in the caller's line, with the message."""
    client = make()
    with pytest.raises(TypeError, match=r"^callback must be a"):
        track(client, callback=callback)
    client.flush(SOON)
    assert gate.starts == []


class TestAnalyticsClient:
    """The client that waits for Temporal."""

    @pytest.mark.parametrize(("value", "kind"), [*WRONG_DURATIONS, (0, ValueError)], ids=repr)
    def test_invalid_start_timeouts_are_refused(
        self, connected: Client, value: Any, kind: type[Exception]
    ) -> None:
        """With the same words; 0 would refuse everything."""
        with pytest.raises(kind, match=r"^start_timeout must be .*write start_timeout=5"):
            AnalyticsClient(connected, start_timeout=value)

    @pytest.mark.parametrize(
        ("arguments", "kind", "message"),
        [
            ({"client": "segment"}, TypeError, "to choose an integration, write integration="),
            ({"client": None}, TypeError, "client must be a connected temporalio.client.Client"),
            ({"task_queue": 7}, TypeError, "task_queue must be text, not int"),
            ({"integration": 7}, ValidationError, "integration must be text"),
            ({"context": [1]}, ValidationError, "context must be an object"),
            ({"context": {"ip": b""}}, ValidationError, "context.ip has the type bytes"),
            (
                {"policies": {"request": {"total_timeout": -1}}},
                ValidationError,
                "policies.request.total_timeout must be longer than 0",
            ),
        ],
    )
    def test_invalid_arguments_are_refused_by_the_constructor(
        self, connected: Client, arguments: Any, kind: type[Exception], message: str
    ) -> None:
        """In the constructor."""
        with pytest.raises(kind, match=message):
            AnalyticsClient(**{"client": connected, **arguments})

    @pytest.mark.parametrize("timeout", [1, 0.5, timedelta(seconds=1)])
    def test_a_start_timeout_may_be_seconds_or_a_timedelta(
        self, connected: Client, timeout: Any
    ) -> None:
        """Seconds or a `timedelta`."""
        AnalyticsClient(connected, start_timeout=timeout)

    async def test_an_invalid_data_converter_is_refused(self) -> None:
        """Before it connects."""
        converter: Any = "zstd"
        with pytest.raises(TypeError, match="data_converter must be"):
            await AnalyticsClient.connect(data_converter=converter)
