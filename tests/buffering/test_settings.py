"""The settings of a client: what is wrong is said where it is made, not when it flushes."""

from types import MappingProxyType
from typing import Any

import pytest

from durable_analytics import BufferingClient, ValidationError
from tests.support.buffering import SOON, Gate, Make, track

CONVERT = ": convert it to text, a number, a list or an object"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"integration": 7}, "integration must be text"),
        ({"strict": "no"}, "strict must be true or false"),
        ({"context": {"ip": 7}}, "context.ip must be text"),
        (
            {"context": {"userAgent": "a", "user_agent": "b"}},
            "context.user_agent is set twice, as userAgent and as user_agent: remove one",
        ),
        ({"context": {"own": b""}}, f"context.own has the type bytes, which is not JSON{CONVERT}"),
        (
            {"policies": {"request": {"total_timeout": -1}}},
            "policies.request.total_timeout must be longer than 0 and at most 10 years",
        ),
        (
            {"request_options": {"header": {}}},
            "request_options.header is not a known key: did you mean headers?",
        ),
        (
            {"request_options": {"headers": {"Authorization": "Bearer x"}}},
            (
                "request_options.headers.Authorization is a credential and must not be in an "
                "input; for another API key, configure another integration"
            ),
        ),
    ],
)
def test_options_that_break_the_contract_are_refused(options: Any, message: str) -> None:
    """As in an input of `AnalyticsClient`."""
    with pytest.raises(ValidationError) as refused:
        BufferingClient(**options)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flush_at": 0}, "flush_at must be 1 or more, not 0"),
        ({"max_queue_size": -1}, "max_queue_size must be 1 or more, not -1"),
        ({"max_flushes": 0}, "max_flushes must be 1 or more, not 0"),
        ({"max_batch_messages": 5001}, "max_batch_messages must be 1 to 5000, not 5001"),
        ({"max_batch_bytes": 10**7}, r"max_batch_bytes must be 1 to \d+, not 10000000"),
    ],
)
def test_limits_outside_their_range_are_refused(options: Any, message: str) -> None:
    """The most is what one execution takes."""
    with pytest.raises(ValueError, match=message):
        BufferingClient(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"integration": "segment"},
        {"policies": {}},
        {"request_options": {}},
        {"strict": False},
    ],
)
def test_client_options_are_refused_in_a_call(options: Any) -> None:
    """They hold for an execution, which carries the messages of many calls."""
    (name,) = options
    for strict in (True, False):
        client = BufferingClient(disabled=True, strict=strict)
        with pytest.raises(ValidationError) as refused:
            track(client, **options)
        assert (
            str(refused.value)
            == f"{name} is an option of the client, not of a call: create a client for each value"
        )


def test_a_type_is_refused_in_a_call() -> None:
    """It would decide how the worker reads the message."""
    client = BufferingClient(disabled=True, strict=False)

    with pytest.raises(
        ValidationError, match="is not a known key: the name of the method sets the type"
    ):
        track(client, type="identify")


def test_a_callback_that_is_no_function_is_refused(make: Make, gate: Gate) -> None:
    """It is refused in the caller's line, with its message."""
    client = make()
    with pytest.raises(TypeError, match="callback must be a function, called as callback"):
        track(client, callback="later")

    client.flush(SOON)

    assert gate.starts == []


def test_a_message_too_large_for_a_batch_is_refused(make: Make, gate: Gate) -> None:
    """It is refused in the caller's line, and harms no other."""
    client = make(max_batch_bytes=1000)
    ids = track(client)

    with pytest.raises(ValidationError) as refused:
        track(client, properties={"text": "é" * 500})
    client.flush(SOON)

    (problem,) = refused.value.fields
    assert problem.path == "track"
    assert problem.message.startswith("has 11")
    assert " bytes as JSON; the limit for a batch is " in problem.message
    assert [start.ids for start in gate.starts] == [ids]


def test_any_mapping_is_accepted_as_an_option(make: Make, gate: Gate) -> None:
    """As the types of the arguments promise."""
    client = make(
        context=MappingProxyType({"app": MappingProxyType({"name": "shop"})}),
        request_options=MappingProxyType({"query": {"debug": "1"}}),
    )
    track(client)

    client.flush(SOON)

    assert gate.starts[0].data["context"]["app"] == {"name": "shop"}
    assert gate.starts[0].data["request_options"] == {"query": {"debug": "1"}}


def test_later_changes_of_the_callers_values_are_not_sent(make: Make, gate: Gate) -> None:
    """Messages are written when they are enqueued."""
    context, properties = {"locale": "en-US"}, {"step": 1}
    client = make(context=context)
    track(client, properties=properties)
    context["locale"] = "de-DE"
    properties["step"] = 2

    client.flush(SOON)

    (start,) = gate.starts
    assert start.data["context"]["locale"] == "en-US"
    assert start.messages[0]["properties"] == {"step": 1}
