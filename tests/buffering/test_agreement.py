"""What the buffering client takes and refuses is what `AnalyticsClient` takes and refuses."""

import asyncio
import collections
import enum
import json
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput

from durable_analytics import AnalyticsClient, ValidationError
from durable_analytics.buffering._serializer import (
    Serializer,
    _split_envelope,
    holds_only_builtins,
)
from durable_analytics.client.checks import LIBRARY
from durable_analytics.wire.fast_check import passes_fast_check
from durable_analytics.wire.messages import Context, JsonObject
from durable_analytics.wire.methods import METHODS
from tests.support.strategies import anything, json_values, plausible


class RecordingInterceptor(Interceptor):
    """Starts nothing, and keeps the last input."""

    def __init__(self) -> None:
        self.last: JsonObject = {}

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Stand before the real one."""
        return _Outbound(next, self)


class _Outbound(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, recorder: RecordingInterceptor) -> None:
        super().__init__(following)
        self._recorder = recorder

    async def start_workflow(self, input: StartWorkflowInput) -> Any:
        (self._recorder.last,) = input.args


class ClientPair:
    """The two clients, side by side: what each makes of a call, or why it refuses it."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._recorder = RecordingInterceptor()
        self._analytics = runner.run(self._connected())

    async def _connected(self) -> AnalyticsClient:
        return AnalyticsClient(
            await Client.connect("127.0.0.1:1", lazy=True, interceptors=[self._recorder])
        )

    def single(self, key: str, call: JsonObject, *, strict: bool) -> JsonObject | str:
        """By `AnalyticsClient`."""
        options = {} if strict else {"strict": False}
        try:
            self._runner.run(getattr(self._analytics, key)(**call, **options))
        except ValidationError as error:
            return str(error)
        data = self._recorder.last
        return {**data[key], "context": data["context"]}

    def buffered(self, key: str, call: JsonObject, *, strict: bool) -> JsonObject | str:
        """By the buffering client, and what the worker makes of the shared context."""
        serializer = Serializer(strict=strict, limit_bytes=10**9)
        try:
            item, message_id = serializer.serialize(key, dict(call))
        except ValidationError as error:
            return str(error)
        message: JsonObject = from_json(item)
        assert message.pop("type") == key
        assert message["message_id"] == message_id
        if default := message.pop("default_timestamp", None):
            message["timestamp"] = default
        return {**message, "context": {"library": LIBRARY, **message.pop("context", {})}}

    def agree(self, key: str, call: JsonObject, *, strict: bool = True) -> JsonObject | str:
        """What both make of it; fails where they differ."""
        single, buffered = (side(key, call, strict=strict) for side in (self.single, self.buffered))
        if isinstance(single, dict) and isinstance(buffered, dict):
            if single.get("timestamp") is None:  # The worker fills it in: that may be much later.
                single["timestamp"] = buffered["timestamp"]
            if is_generated(single["message_id"]):
                single["message_id"] = buffered["message_id"]
            assert json.dumps(buffered, sort_keys=True) == json.dumps(single, sort_keys=True)
        else:
            assert buffered == single
        return buffered


def is_generated(message_id: str) -> bool:
    """Whether it is one of the ids of `AnalyticsClient`."""
    try:
        return UUID(message_id).version == 4
    except ValueError:
        return False


@pytest.fixture(scope="module")
def clients() -> Iterator[ClientPair]:
    """The two clients."""
    with asyncio.Runner() as runner:
        yield ClientPair(runner)


class Plan(enum.StrEnum):
    """Text that is not of the builtin type."""

    PRO = "pro"


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024  # as callers have them
USER: JsonObject = {"user_id": "u-1"}
TRACK: JsonObject = {**USER, "event": "E"}

ACCEPTED: list[tuple[str, JsonObject]] = [
    ("track", TRACK),
    ("track", {"anonymous_id": "a-1", "event": "E"}),
    ("track", {"user_id": "", "anonymous_id": "a-1", "event": "E"}),
    ("track", {**TRACK, "anonymous_id": None, "traits": None, "properties": None}),
    ("track", {"userId": "u-1", "event": "E", "companyId": "c"}),
    ("track", {**TRACK, "channel": "web", "company_id": "c-1", "traits": {"plan": "pro"}}),
    ("track", {**TRACK, "properties": {"revenue": 19.99, "currency": "USD", "value": 3}}),
    ("track", {**TRACK, "properties": {"revenue": None, "currency": None}}),
    ("track", {**TRACK, "properties": {"a": [1, 2.5, "x", None, True, {"b": [[]]}], "": {}}}),
    ("track", {**TRACK, "properties": {"tags": ("a", ("b",)), "point": Point(1, 2)}}),
    ("track", {**TRACK, "properties": MappingProxyType({"m": MappingProxyType({})})}),
    ("track", {**TRACK, "properties": collections.OrderedDict(a=collections.Counter("aab"))}),
    ("track", {**TRACK, "properties": {"plan": Plan.PRO, Plan.PRO: 1, "n": 2**70, "z": -0.0}}),
    ("track", {**TRACK, "properties": {"text": "NaN Infinity", "é": "\u2028\x00\U0001f600"}}),
    ("track", {**TRACK, "properties": {"deep": json.loads("[" * 90 + "]" * 90)}}),
    ("track", {**TRACK, "event": "x" * 500_000}),
    ("track", {**TRACK, "event": "5" * 5_000, "properties": {"digits": 10**4299}}),
    ("track", {**TRACK, "message_id": "own", "integrations": {"All": False}}),
    ("track", {**TRACK, "message_id": None, "timestamp": None, "integrations": None}),
    ("track", {**TRACK, "messageId": "own"}),
    ("track", {**TRACK, "timestamp": "2026-01-31T09:30:00Z"}),
    ("track", {**TRACK, "timestamp": datetime(2026, 1, 31, 9, 30, tzinfo=UTC)}),
    ("track", {**TRACK, "timestamp": datetime(2026, 1, 31, 9, 30)}),  # noqa: DTZ001
    (
        "track",
        {**TRACK, "timestamp": datetime(2026, 1, 31, tzinfo=timezone(timedelta(hours=-5)))},
    ),
    ("track", {**TRACK, "context": {"ip": "192.0.2.1", "own": {"a": [1]}, "active": True}}),
    ("track", {**TRACK, "context": {"userAgent": "curl", "groupId": None, "library": {}}}),
    ("track", {**TRACK, "context": {"own": None, "": None}}),
    ("track", {**TRACK, "context": {}}),
    ("track", {**TRACK, "context": None}),
    ("track", {**TRACK, "context": MappingProxyType({"ip": "192.0.2.1"})}),
    ("track", {"user_id": 42, "event": "E", "company_id": 7, "message_id": 7}),
    ("track", {"user_id": UUID(int=1), "event": "E", "context": {"groupId": 7}}),
    ("track", {**TRACK, "properties": {"at": datetime(2026, 1, 31, tzinfo=UTC), 1: {2, 1}}}),
    ("track", {**TRACK, "properties": {"on": date(2026, 1, 31), "price": Decimal("19.99")}}),
    ("track", {**TRACK, "properties": {"revenue": Decimal("19.99"), "currency": "USD"}}),
    ("track", {**TRACK, "context": {"app": {"build": UUID(int=1)}, "screen": {"width": {1}}}}),
    ("track", {**TRACK, "timestamp": date(2026, 1, 31)}),
    ("track", {**TRACK, "timestamp": ""}),
    ("alias", {"previous_user_id": 1, "new_user_id": [2, UUID(int=3)]}),
    ("metric", {"key": Plan.PRO, "user": {"id": 42}, "value": Decimal("1.5")}),
    ("identify", {**USER, "traits": {"age": None}}),
    ("group", {**USER, "group_id": "g-1"}),
    ("alias", {"previous_user_id": "a", "new_user_id": "b"}),
    ("alias", {"previous_user_id": "a", "new_user_id": ("b", "c")}),
    ("page", {**USER, "name": "Prices", "category": "Shop"}),
    ("page", {**USER, "properties": {"url": "https://example.com"}}),
    ("screen", {**USER, "name": "Prices", "properties": {"a": 1}}),
    ("delete", {**USER, "traits": {"email": "a@example.com"}}),
    ("annotate", {"event": "Deployed", "channel": "ops"}),
    ("metric", {"key": "words", "user": {"id": "u-1", "deviceTokens": ["t"]}, "value": 750}),
    ("metric", {"key": "words", "user": {"id": "u-1"}, "value": -1.5, "attributes": {"a": "b"}}),
    ("call", {"method": "POST", "path": "/v1/import", "body": [1, {"a": None}]}),
]

REFUSED: list[tuple[str, JsonObject]] = [
    ("track", {}),
    ("track", USER),
    ("track", {**USER, "event": None}),
    ("track", {**USER, "event": " \t"}),
    ("track", {"event": "E"}),
    ("track", {"event": "E", "user_id": " ", "anonymous_id": ""}),
    ("track", {**TRACK, "user_id": True}),
    ("track", {**TRACK, "user_id": 7.5}),
    ("track", {**TRACK, "evnt": 1, "properites": {}}),
    ("track", {**TRACK, "userId": "u-1"}),
    ("track", {**TRACK, "properties": []}),
    ("track", {**TRACK, "properties": "p"}),
    ("track", {**TRACK, "properties": {"revenue": "19.99", "value": True, "currency": "usd"}}),
    ("track", {**TRACK, "properties": {"currency": ["USD"]}}),
    ("track", {**TRACK, "traits": {"a": b"bytes"}}),
    ("track", {**TRACK, "properties": {"digits": 10**4300}}),
    ("track", {**TRACK, "properties": {"deep": json.loads("[" * 99 + "]" * 99)}}),
    ("track", {**TRACK, "message_id": ""}),
    ("track", {**TRACK, "message_id": "x" * 100}),
    ("track", {**TRACK, "timestamp": "yesterday"}),
    ("track", {**TRACK, "timestamp": 1769851800}),
    ("track", {**TRACK, "integrations": [1]}),
    ("track", {**TRACK, "context": ["a"]}),
    ("track", {**TRACK, "context": "a"}),
    ("track", {**TRACK, "context": {"ip": 7}}),
    ("track", {**TRACK, "context": {"app": "shop"}}),
    ("track", {**TRACK, "context": {"userAgent": "a", "user_agent": "b"}}),
    ("track", {**TRACK, "context": {"own": object}}),
    ("identify", {"traits": {"plan": "pro"}}),
    ("identify", {**USER, "event": "E"}),
    ("group", USER),
    ("alias", {"previous_user_id": "a", "new_user_id": []}),
    ("page", USER),
    ("page", {**USER, "name": " "}),
    ("screen", USER),
    ("delete", {"user_id": None}),
    ("annotate", {"properties": {}}),
    ("metric", {"key": "words", "user": {"id": "u-1", "deviceToken": "t"}, "value": "1"}),
    ("call", {"method": "HEAD", "path": ""}),
]

NOT_JSON = [
    math.nan,
    math.inf,
    -math.inf,
    b"bytes",
    Decimal("NaN"),
    timedelta(seconds=3),
    object,
    {True: "true"},
    {None: "none"},
    {("a",): 1},
    {"\ud800": "surrogate"},
    "\ud800",
]


@pytest.mark.parametrize(("key", "call"), ACCEPTED)
def test_accepted_calls_give_the_same_message_in_both_clients(
    clients: ClientPair, key: str, call: JsonObject
) -> None:
    """The same message, whichever client it goes through."""
    assert isinstance(clients.agree(key, call), dict)


@pytest.mark.parametrize(("key", "call"), REFUSED)
def test_refused_calls_give_the_same_error_in_both_clients(
    clients: ClientPair, key: str, call: JsonObject
) -> None:
    """In the same words."""
    assert isinstance(clients.agree(key, call), str)


@pytest.mark.parametrize("value", NOT_JSON, ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda value: {"properties": {"odd": value}},
        lambda value: {"traits": {"in": [0, {"a": (value,)}]}},
        lambda value: {"context": {"app": {"odd": value}}},
        lambda value: {"context": {"odd": value}, "message_id": "own"},
        lambda value: {"integrations": MappingProxyType({"odd": value})},
    ],
)
def test_values_that_are_not_json_are_refused_in_every_field(
    clients: ClientPair, value: Any, call: Any
) -> None:
    """Wherever it stands."""
    error = clients.agree("track", {**TRACK, **call(value)})

    assert isinstance(error, str)
    assert "JSON" in error or "finite" in error or "text" in error


def test_a_list_that_contains_itself_is_refused(clients: ClientPair) -> None:
    """No text of JSON can."""
    circle: list[Any] = []
    circle.append(circle)

    error = clients.agree("track", {**TRACK, "properties": {"circle": circle}})

    assert error == "track.properties.circle.0 contains itself"


LENIENT: list[tuple[str, JsonObject, bool]] = [
    ("track", TRACK, True),
    ("track", {"user_id": 7, "event": "E", "unknown": [1]}, True),
    ("track", {**TRACK, "properties": {"revenue": "19.99"}, "message_id": 5}, True),
    ("track", {**TRACK, "context": {"ip": 7, "app": "shop"}}, True),
    ("page", USER, True),
    ("track", {**TRACK, "properties": {"a": math.nan}}, False),
    ("track", USER, False),
    ("track", {"event": "E"}, False),
]


@pytest.mark.parametrize(("key", "call", "is_accepted"), LENIENT)
def test_lenient_calls_are_treated_the_same_by_both_clients(
    clients: ClientPair, key: str, call: JsonObject, is_accepted: bool
) -> None:
    """With `strict=False`."""
    assert isinstance(clients.agree(key, call, strict=False), dict if is_accepted else str)


offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
timestamps = (
    st.datetimes(timezones=st.none() | st.just(UTC) | st.timezones() | offsets)
    | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
    | st.dates()
    | st.sampled_from(["", " ", None, "2026-01", "2026-01-31t09:30", "0001-01-01T00:00+01:00"])
)
"""Timestamps as callers pass them, few of them invalid."""


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, JsonObject]:
    """A call that is often right, and wrong in many ways."""
    key = draw(st.sampled_from(sorted(METHODS)))
    fields = METHODS[key].message.model_fields
    call: JsonObject = {
        name: draw(anything if not draw(st.integers(0, 15)) else plausible[name])
        for name, field in fields.items()
        if field.is_required() or draw(st.booleans())
    }
    if draw(st.booleans()):
        call["timestamp"] = draw(timestamps)
    if not draw(st.integers(0, 2)):
        names = st.sampled_from(sorted(Context.model_fields)) | st.text(max_size=5)
        call["context"] = draw(st.dictionaries(names, json_values, max_size=3))
    for name in ("properties", "traits"):
        if isinstance(call.get(name), dict) and draw(st.booleans()):
            ruled = st.sampled_from(["revenue", "value", "currency", "url"])
            values = json_values | st.sampled_from(["USD", "usd", 3, 3.5, True])
            call[name][draw(ruled)] = draw(values)
    return key, call


@settings(max_examples=500, deadline=None)
@given(case=calls(), strict=st.booleans())
def test_any_call_is_treated_the_same_by_both_clients(
    clients: ClientPair, case: tuple[str, JsonObject], strict: bool
) -> None:
    """Both accept it as the same message, or refuse it with the same error."""
    key, call = case
    clients.agree(key, call, strict=strict)


@settings(max_examples=500, deadline=None)
@given(case=calls(), is_lenient=st.booleans())
def test_calls_that_pass_the_fast_check_are_valid(
    case: tuple[str, JsonObject], is_lenient: bool
) -> None:
    """Their models accept them."""
    key, call = case
    fields, envelope = _split_envelope(call, strict=True)
    if fields is not None:
        Context.model_validate(envelope.pop("context", {}))
        if passes_fast_check(key, fields, is_lenient=is_lenient, holds_json=holds_only_builtins):
            METHODS[key].message.model_validate(
                {**fields, **envelope}, context={"lenient": is_lenient}
            )


COMMON: list[tuple[str, JsonObject]] = [
    ("track", {**TRACK, "properties": {"revenue": 19.99, "currency": "USD", "tags": ["a"]}}),
    ("track", {**TRACK, "timestamp": "2026-01-31T09:30:00Z"}),
    ("track", {**TRACK, "timestamp": datetime(2026, 1, 31, 9, 30)}),  # noqa: DTZ001
    ("track", {**TRACK, "timestamp": datetime(2026, 1, 31, 9, 30, tzinfo=UTC)}),
    ("track", {**TRACK, "timestamp": datetime(2026, 1, 31, tzinfo=ZoneInfo("Europe/London"))}),
    ("track", {**TRACK, "timestamp": None, "message_id": None, "context": None}),
    ("track", {**TRACK, "message_id": "m-1"}),
    ("track", {**TRACK, "context": {"ip": "192.0.2.1", "user_agent": "curl", "own": {"a": 1}}}),
    ("identify", {**USER, "traits": {"plan": "pro"}}),
    ("alias", {"previous_user_id": "a-1", "new_user_id": "u-1"}),
    ("alias", {"previous_user_id": "a-1", "new_user_id": ["u-1", "u-2"]}),
    ("page", {**USER, "name": "Prices"}),
    ("screen", {"anonymous_id": "a-1", "name": "Prices"}),
    ("group", {**USER, "group_id": "g-1"}),
    ("delete", USER),
    ("annotate", {"event": "Deployed"}),
]


@pytest.mark.parametrize(("key", "call"), COMMON)
def test_common_calls_need_no_full_check(
    key: str, call: JsonObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the fast check only costs time."""

    def fail(*_: Any) -> None:
        raise AssertionError("the full check was needed")

    monkeypatch.setattr(Serializer, "_validate_and_serialize", fail)
    Serializer(strict=True, limit_bytes=10**6).serialize(key, call)
