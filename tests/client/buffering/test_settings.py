"""The settings of a client: what is wrong is said where it is made, not when it flushes."""

from types import MappingProxyType
from typing import Any

import pytest

from durable_analytics import BufferingClient, ValidationError
from tests.client.buffering.conftest import SOON, Gate, Make, track


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"integration": 7}, "integration must be text"),
        ({"strict": "no"}, "strict must be true or false"),
        ({"context": {"ip": 7}}, "context.ip must be text"),
        (
            {"context": {"userAgent": "a", "user_agent": "b"}},
            "context.user_agent is spelled twice, as userAgent and user_agent: keep one",
        ),
        ({"context": {"own": {1, 2}}}, "context.own is a set, which is not JSON"),
        (
            {"policies": {"request": {"total_timeout": -1}}},
            "policies.request.total_timeout must be more than 0 and at most 10 years",
        ),
        (
            {"request_options": {"header": {}}},
            "request_options.header is not a known key: did you mean headers?",
        ),
    ],
)
def test_what_breaks_the_contract(options: Any, message: str) -> None:
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
def test_limits_that_make_no_sense(options: Any, message: str) -> None:
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
def test_options_are_no_keywords_of_a_call(options: Any) -> None:
    """They hold for an execution, which carries the messages of many calls."""
    (name,) = options
    for strict in (True, False):
        client = BufferingClient(disabled=True, strict=strict)
        with pytest.raises(ValidationError) as refused:
            track(client, **options)
        assert str(refused.value) == f"{name} belongs to the client: make a client for each"


def test_the_method_is_no_keyword_of_a_call() -> None:
    """It would decide how the worker reads the message."""
    client = BufferingClient(disabled=True, strict=False)

    with pytest.raises(ValidationError, match="is not a known key: the method says it"):
        track(client, type="identify")


def test_a_callback_that_is_none(make: Make, gate: Gate) -> None:
    """It is refused in the caller's line, with its message."""
    client = make()
    with pytest.raises(TypeError, match="must be a function of its Outcome"):
        track(client, callback="later")

    client.flush(SOON)

    assert gate.starts == []


def test_a_message_that_fits_no_batch(make: Make, gate: Gate) -> None:
    """It is refused in the caller's line, and harms no other."""
    client = make(max_batch_bytes=1000)
    ids = track(client)

    with pytest.raises(ValidationError) as refused:
        track(client, properties={"text": "é" * 500})
    client.flush(SOON)

    (problem,) = refused.value.fields
    assert problem.path == "track"
    assert problem.message.startswith("is 11")
    assert problem.message.endswith(" fit a batch")
    assert [start.ids for start in gate.starts] == [ids]


def test_any_mapping(make: Make, gate: Gate) -> None:
    """As the types of the arguments promise."""
    client = make(
        context=MappingProxyType({"app": MappingProxyType({"name": "shop"})}),
        request_options=MappingProxyType({"query": {"debug": "1"}}),
    )
    track(client)

    client.flush(SOON)

    assert gate.starts[0].data["context"]["app"] == {"name": "shop"}
    assert gate.starts[0].data["request_options"] == {"query": {"debug": "1"}}


def test_the_callers_context_may_change_afterwards(make: Make, gate: Gate) -> None:
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
