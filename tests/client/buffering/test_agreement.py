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

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput

from durable_analytics import AnalyticsClient, ValidationError
from durable_analytics.buffering.doubtless import is_right, is_right_context
from durable_analytics.buffering.writing import Writer
from durable_analytics.client import LIBRARY
from durable_analytics.contract import METHODS
from durable_analytics.messages import Context
from tests.conftest import Json
from tests.library.test_properties import anything, json_values, plausible


class Nowhere(Interceptor):
    """Starts nothing, and keeps the last input."""

    def __init__(self) -> None:
        self.last: Json = {}

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Stand before the real one."""
        return _Outbound(next, self)


class _Outbound(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, nowhere: Nowhere) -> None:
        super().__init__(following)
        self._nowhere = nowhere

    async def start_workflow(self, input: StartWorkflowInput) -> Any:
        (self._nowhere.last,) = input.args


class Both:
    """The two clients, side by side: what each makes of a call, or why it refuses it."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._nowhere = Nowhere()
        self._analytics = runner.run(self._connected())

    async def _connected(self) -> AnalyticsClient:
        return AnalyticsClient(
            await Client.connect("127.0.0.1:1", lazy=True, interceptors=[self._nowhere])
        )

    def single(self, key: str, call: Json, *, strict: bool) -> Json | str:
        """By `AnalyticsClient`."""
        options = {} if strict else {"strict": False}
        try:
            self._runner.run(getattr(self._analytics, key)(**call, **options))
        except ValidationError as error:
            return str(error)
        data = self._nowhere.last
        return {**data[key], "context": data["context"]}

    def buffered(self, key: str, call: Json, *, strict: bool) -> Json | str:
        """By the buffering client, and what the worker makes of the shared context."""
        writer = Writer(strict=strict, overhead_bytes=0, most_bytes=10**9)
        try:
            item, message_id = writer.write(key, dict(call))
        except ValidationError as error:
            return str(error)
        message: Json = from_json(item)
        assert message.pop("type") == key
        assert message["message_id"] == message_id
        own = message.pop("context", {})
        return {**message, "context": None if own is None else {"library": LIBRARY, **own}}

    def agree(self, key: str, call: Json, *, strict: bool = True) -> Json | str:
        """What both make of it; fails where they differ."""
        single, buffered = (side(key, call, strict=strict) for side in (self.single, self.buffered))
        if isinstance(single, dict) and isinstance(buffered, dict):
            if single.get("timestamp") is None:  # The worker fills it in: that may be much later.
                single["timestamp"] = buffered["timestamp"]
            if is_made_up(single["message_id"]):
                single["message_id"] = buffered["message_id"]
            assert json.dumps(buffered, sort_keys=True) == json.dumps(single, sort_keys=True)
        else:
            assert buffered == single
        return buffered


def is_made_up(message_id: str) -> bool:
    """Whether it is one of the ids of `AnalyticsClient`."""
    try:
        return UUID(message_id).version == 4
    except ValueError:
        return False


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    """The two clients."""
    with asyncio.Runner() as runner:
        yield Both(runner)


class Plan(enum.StrEnum):
    """Text that is not of the builtin type."""

    PRO = "pro"


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024  # as callers have them
USER: Json = {"user_id": "u-1"}
TRACK: Json = {**USER, "event": "E"}

TAKEN: list[tuple[str, Json]] = [
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
    ("track", {**TRACK, "context": {}}),
    ("track", {**TRACK, "context": None}),
    ("track", {**TRACK, "context": MappingProxyType({"ip": "192.0.2.1"})}),
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

REFUSED: list[tuple[str, Json]] = [
    ("track", {}),
    ("track", USER),
    ("track", {**USER, "event": None}),
    ("track", {**USER, "event": " \t"}),
    ("track", {"event": "E"}),
    ("track", {"event": "E", "user_id": " ", "anonymous_id": ""}),
    ("track", {**TRACK, "user_id": 7}),
    ("track", {**TRACK, "evnt": 1, "properites": {}}),
    ("track", {**TRACK, "userId": "u-1"}),
    ("track", {**TRACK, "properties": []}),
    ("track", {**TRACK, "properties": "p"}),
    ("track", {**TRACK, "properties": {"revenue": "19.99", "value": True, "currency": "usd"}}),
    ("track", {**TRACK, "properties": {"currency": ["USD"]}}),
    ("track", {**TRACK, "traits": {"a": {1, 2}}}),
    ("track", {**TRACK, "properties": {"digits": 10**4300}}),
    ("track", {**TRACK, "properties": {"deep": json.loads("[" * 99 + "]" * 99)}}),
    ("track", {**TRACK, "message_id": ""}),
    ("track", {**TRACK, "message_id": "x" * 100}),
    ("track", {**TRACK, "message_id": 7}),
    ("track", {**TRACK, "timestamp": "yesterday"}),
    ("track", {**TRACK, "timestamp": 1769851800}),
    ("track", {**TRACK, "integrations": [1]}),
    ("track", {**TRACK, "context": ["a"]}),
    ("track", {**TRACK, "context": "a"}),
    ("track", {**TRACK, "context": {"ip": 7}}),
    ("track", {**TRACK, "context": {"app": "shop"}}),
    ("track", {**TRACK, "context": {"userAgent": "a", "user_agent": "b"}}),
    ("track", {**TRACK, "context": {"own": {1, 2}}}),
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
    {1, 2},
    b"bytes",
    Decimal("19.99"),
    UUID(int=1),
    datetime(2026, 1, 31, tzinfo=UTC),
    date(2026, 1, 31),
    timedelta(seconds=3),
    object,
    {1: "one"},
    {None: "none"},
    {("a",): 1},
    {"\ud800": "surrogate"},
    "\ud800",
]


@pytest.mark.parametrize(("key", "call"), TAKEN)
def test_taken(both: Both, key: str, call: Json) -> None:
    """The same message, whichever client it goes through."""
    assert isinstance(both.agree(key, call), dict)


@pytest.mark.parametrize(("key", "call"), REFUSED)
def test_refused(both: Both, key: str, call: Json) -> None:
    """In the same words."""
    assert isinstance(both.agree(key, call), str)


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
def test_what_is_not_json(both: Both, value: Any, call: Any) -> None:
    """Wherever it stands."""
    told = both.agree("track", {**TRACK, **call(value)})

    assert isinstance(told, str)
    assert "JSON" in told or "finite" in told or "text" in told


def test_what_holds_itself(both: Both) -> None:
    """No text of JSON can."""
    circle: list[Any] = []
    circle.append(circle)

    told = both.agree("track", {**TRACK, "properties": {"circle": circle}})

    assert told == "track is nested too deeply, or holds itself"


LENIENT: list[tuple[str, Json, bool]] = [
    ("track", TRACK, True),
    ("track", {"user_id": 7, "event": "E", "unknown": [1]}, True),
    ("track", {**TRACK, "properties": {"revenue": "19.99"}, "message_id": 5}, True),
    ("track", {**TRACK, "context": {"ip": 7, "app": "shop"}}, True),
    ("page", USER, True),
    ("track", {**TRACK, "properties": {"a": math.nan}}, False),
    ("track", USER, False),
    ("track", {"event": "E"}, False),
]


@pytest.mark.parametrize(("key", "call", "is_taken"), LENIENT)
def test_lenient(both: Both, key: str, call: Json, is_taken: bool) -> None:
    """With `strict=False`."""
    assert isinstance(both.agree(key, call, strict=False), dict if is_taken else str)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, Json]:
    """A call that is often right, and wrong in many ways."""
    key = draw(st.sampled_from(sorted(METHODS)))
    fields = METHODS[key].message.model_fields
    call: Json = {
        name: draw(anything if not draw(st.integers(0, 15)) else plausible[name])
        for name, field in fields.items()
        if field.is_required() or draw(st.booleans())
    }
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
def test_any_call(both: Both, case: tuple[str, Json], strict: bool) -> None:
    """Both take it and make the same of it, or both refuse it in the same words."""
    key, call = case
    both.agree(key, call, strict=strict)


@settings(max_examples=500, deadline=None)
@given(case=calls())
def test_beyond_doubt(case: tuple[str, Json]) -> None:
    """What passes the quick look is what the model accepts."""
    key, call = case
    context = call.pop("context", {})
    if is_right(key, call):
        METHODS[key].message.model_validate(call)
    if is_right_context(context):
        Context.model_validate(context)


def test_the_quick_look_is_not_idle() -> None:
    """The calls in common use pass it; else it would only cost time."""
    common: list[tuple[str, Json]] = [
        ("track", {**TRACK, "properties": {"revenue": 19.99, "currency": "USD", "tags": ["a"]}}),
        ("identify", {**USER, "traits": {"plan": "pro"}}),
        ("page", {**USER, "name": "Prices"}),
        ("screen", {"anonymous_id": "a-1", "name": "Prices"}),
        ("group", {**USER, "group_id": "g-1"}),
        ("delete", USER),
        ("annotate", {"event": "Deployed"}),
    ]
    for key, call in common:
        assert is_right(key, call)
    assert is_right_context({"ip": "192.0.2.1", "user_agent": "curl", "own": {"a": 1}})
