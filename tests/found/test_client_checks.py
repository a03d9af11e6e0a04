"""What no worker could accept is refused by both clients, in the line that passes it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from temporalio.client import Client

from durable_analytics import AnalyticsClient, BufferingClient, ValidationError

NAME = (
    "must be a name, like segment_eu: "
    "1 to 100 lower-case letters, digits and _, beginning with a letter"
)
NO_NAMES = ["Segment", "a b", "a-b", "1a", "a\x00b", "segment\n", "é", "a" * 101]

QUEUE = (
    "task_queue must be a task queue of Temporal: at most 800 bytes of printable text "
    "that does not begin with /_sys/"
)
NO_QUEUES = ["\ud83d", "a\x00b", "a\nb", "q" * 801, "é" * 401, "/_sys/a"]

VALUE = "must be printable ASCII without leading or trailing spaces"

CLIENTS = [AnalyticsClient, BufferingClient]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", NO_NAMES)
def test_constructor_refuses_what_is_no_integration(
    temporal: Client, client: Callable[..., object], name: str
) -> None:
    """A message for it would be stored, and its delivery would fail."""
    with pytest.raises(ValidationError) as refused:
        client(temporal, integration=name)
    assert refused.value.fields[0].path == "integration"
    assert refused.value.fields[0].message == NAME

    with pytest.raises(ValidationError) as refused:
        client(temporal, deliver_to=["segment", name])
    assert refused.value.fields[0].path == "deliver_to.1"
    assert refused.value.fields[0].message == NAME


@pytest.mark.parametrize("name", NO_NAMES)
async def test_call_refuses_what_is_no_integration(temporal: Client, name: str) -> None:
    """A call of `AnalyticsClient` may name another integration."""
    analytics = AnalyticsClient(temporal)

    with pytest.raises(ValidationError, match=r"^integration must be a name"):
        await analytics.track(user_id="u-1", event="E", integration=name)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", NO_QUEUES)
def test_constructor_refuses_what_is_no_task_queue(
    temporal: Client, client: Callable[..., object], name: str
) -> None:
    """Temporal refuses it, or it cannot even be sent: the messages would never be stored."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # the text is compared below
        client(temporal, task_queue=name)

    assert str(refused.value) == QUEUE


@pytest.mark.parametrize(
    ("headers", "path", "reason"),
    [
        ({"X-A": "b\n"}, "X-A", VALUE),
        ({"X-A": "é"}, "X-A", VALUE),
        ({"X A": "b"}, "X A", "is not the name of a header: use letters, digits, - and _"),
        (
            {"User-Agent": "b"},
            "User-Agent",
            "is reserved for the worker and must not be in an input: remove it",
        ),
    ],
)
async def test_headers_that_cannot_be_sent_are_refused(
    temporal: Client, headers: Mapping[str, str], path: str, reason: str
) -> None:
    """In the options of a client, of a call, and in a `call`."""
    options: dict[str, Any] = {"headers": headers}
    analytics, buffering = AnalyticsClient(temporal), BufferingClient(temporal)
    attempts: list[tuple[str, Callable[[], Any]]] = [
        ("request_options", lambda: BufferingClient(temporal, request_options=options)),
        ("call", lambda: buffering.call(method="GET", path="/a", **options)),
    ]

    for beginning, attempt in attempts:
        with pytest.raises(ValidationError) as refused:
            attempt()
        assert str(refused.value) == f"{beginning}.headers.{path} {reason}"
    with pytest.raises(ValidationError) as refused:
        await analytics.track(user_id="u-1", event="E", request_options=options)
    assert str(refused.value) == f"request_options.headers.{path} {reason}"
    with pytest.raises(ValidationError) as refused:
        await analytics.call(method="GET", path="/a", **options)
    assert str(refused.value) == f"call.headers.{path} {reason}"


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("wrong", "path", "reason"),
    [
        ({"headers": {"X-A": None}}, "headers.X-A", "must be text"),
        ({"headers": {"X-A": ["b"]}}, "headers.X-A", "must be text"),
        ({"headers": {"X-A": {"b"}}}, "headers.X-A", "must be text"),
        ({"headers": {"X-A": {"b": 1}}}, "headers.X-A", "must be text"),
        ({"headers": "X-A: b"}, "headers", "must be an object"),
        ({"query": "a=b"}, "query", "must be an object"),
    ],
)
async def test_fields_of_a_call_that_no_provider_takes_are_refused(
    temporal: Client, wrong: dict[str, Any], path: str, reason: str, *, strict: bool
) -> None:
    """In the caller's line, also with `strict=False`: a worker would refuse the call anyway."""
    call: dict[str, Any] = {"method": "GET", "path": "/a", **wrong}

    with pytest.raises(ValidationError) as refused:
        BufferingClient(temporal, strict=strict).call(**call)
    assert str(refused.value) == f"call.{path} {reason}"
    with pytest.raises(ValidationError) as refused:
        await AnalyticsClient(temporal).call(**call, strict=strict)
    assert str(refused.value) == f"call.{path} {reason}"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("https://example.com/x", 'must be relative, like "/v1/track"'),
        ("//example.com/x", 'must be relative, like "/v1/track"'),
        ("/a/../b", 'must not contain ".."'),
        ("/a?b=c", "must not contain a query: use call.query"),
        ("/a\r\nX-B: c", "must contain only printable characters"),
    ],
)
async def test_path_that_leaves_the_base_url_is_refused(
    temporal: Client, path: str, reason: str
) -> None:
    """The integration does not matter."""
    with pytest.raises(ValidationError) as refused:
        BufferingClient(temporal).call(method="GET", path=path)
    assert str(refused.value) == f"call.path {reason}"

    with pytest.raises(ValidationError) as refused:
        await AnalyticsClient(temporal).call(method="GET", path=path)
    assert str(refused.value) == f"call.path {reason}"


def test_a_path_that_is_a_number_is_no_crash() -> None:
    """With `strict=False` the worker reads a number as text, as in every field."""
    client = BufferingClient(strict=False, disabled=True)

    assert client.call(method="GET", path=42)  # type: ignore[arg-type]  # as from untyped code
    with pytest.raises(ValidationError, match=r"call\.path must be text"):
        client.call(method="GET", path=[42])  # type: ignore[arg-type]
