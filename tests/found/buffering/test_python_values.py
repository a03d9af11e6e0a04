"""Both clients take what people pass to Segment's SDK for Python, and name what they refuse."""

import asyncio
import enum
import math
from collections import ChainMap, deque
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import Client

from durable_analytics import AnalyticsClient, BufferingClient, ValidationError
from durable_analytics.wire.messages import JsonObject
from tests.support.buffering import SOON, Gate
from tests.support.growth import assert_linear

CONVERT = ": convert it to text, a number, a list or an object"
HALF_A_PAIR = ": remove the half of a surrogate pair, or replace it with U+FFFD"


class Plan(enum.StrEnum):
    """Text."""

    PRO = "pro"


class Color(str, enum.Enum):  # noqa: UP042  # as people have them
    """Text whose `str()` is another."""

    RED = "red"


class Size(enum.IntEnum):
    """A number."""

    L = 3


class When(enum.Enum):
    """A value that is converted in its turn."""

    START = date(2026, 1, 31)


class Ratio(float):
    """As numpy's floats are."""


class Number(int):
    """A subclass."""


class Safe(str):
    """As Django's safe texts are."""

    __slots__ = ()

    def __str__(self) -> str:
        return "another"


EARLY = timezone(timedelta(minutes=19, seconds=32))
"""An offset with seconds, as time zones had before 1900."""

ID = UUID("0190f8a2-7c1e-7000-8000-000000000001")
CONVERTED: list[tuple[Any, Any]] = [
    (datetime(2026, 1, 31, 9, 30), "2026-01-31T09:30:00+00:00"),  # noqa: DTZ001
    (datetime(2026, 1, 31, 9, 30, tzinfo=UTC), "2026-01-31T09:30:00+00:00"),
    (
        datetime(2026, 1, 31, 9, 30, 0, 250_000, timezone(timedelta(hours=-5))),
        "2026-01-31T09:30:00.250000-05:00",
    ),
    (
        datetime(1900, 1, 2, tzinfo=EARLY),
        "1900-01-01T23:40:28+00:00",
    ),
    (
        datetime(1900, 1, 2, 0, 0, 0, 250_000, ZoneInfo("Europe/Paris")),
        "1900-01-01T23:50:39.250000+00:00",
    ),
    (date(2026, 1, 31), "2026-01-31"),
    (Decimal(5), 5),
    (Decimal("5.00"), 5),
    (Decimal("19.99"), 19.99),
    (Decimal("1E+3"), 1000),
    (Fraction(1, 2), 0.5),
    (ID, str(ID)),
    (Plan.PRO, "pro"),
    (Color.RED, "red"),
    (Size.L, 3),
    (When.START, "2026-01-31"),
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset({"b", "a"}), ["a", "b"]),
    ({1}, [1]),
    ((1, (2,)), [1, [2]]),
    (deque([1, 2]), [1, 2]),
    (MappingProxyType({"a": (ID,)}), {"a": [str(ID)]}),
    (ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
    ({1: "a", ID: "b", Plan.PRO: "c", Size.L: "d"}, {"1": "a", str(ID): "b", "pro": "c", "3": "d"}),
    (Ratio(0.5), 0.5),
    (Number(7), 7),
    (Safe("text"), "text"),
    (True, True),
    (None, None),
]

REFUSED: list[tuple[Any, str, str]] = [
    (..., "", f"has the type ellipsis, which is not JSON{CONVERT}"),
    (b"bytes", "", f"has the type bytes, which is not JSON{CONVERT}"),
    (timedelta(seconds=1), "", f"has the type timedelta, which is not JSON{CONVERT}"),
    (datetime(1, 1, 1, tzinfo=EARLY), "", "is a time outside the years 1 to 9999 in UTC"),
    (math.nan, "", "is not a finite number (JSON has no NaN and no infinity): send another value"),
    (
        Ratio("inf"),
        "",
        "is not a finite number (JSON has no NaN and no infinity): send another value",
    ),
    (
        Decimal("sNaN"),
        "",
        "is not a finite number (JSON has no NaN and no infinity): send another value",
    ),
    (
        Decimal("1E+999999999"),
        "",
        "is a number with more than 4300 digits: send another value",
    ),
    ("\ud800", "", f"is not valid Unicode text{HALF_A_PAIR}"),
    ({"a": [1, {"b": b""}]}, ".a.1.b", f"has the type bytes, which is not JSON{CONVERT}"),
    (
        [{"price": 1}, {"price": math.inf}],
        ".1.price",
        "is not a finite number (JSON has no NaN and no infinity)",
    ),
    ({None: 1}, "", "has a key that is not text: write the key as text"),
    ({True: 1}, "", "has a key that is not text: write the key as text"),
    ({1.5: 1}, "", "has a key that is not text: write the key as text"),
    ({"\ud800": 1}, "", f"has a key that is not valid Unicode text{HALF_A_PAIR}"),
    ({1: "a", "1": "b"}, "", "has two keys that are equal as text"),
]


class Clients:
    """Both clients, at a gate that lets everything in."""

    def __init__(self, connected: Client, gate: Gate) -> None:
        self._connected = connected
        self._gate = gate

    async def single(self, key: str, call: JsonObject, **options: Any) -> JsonObject:
        """Return the message and the context that `AnalyticsClient` starts with."""
        client = AnalyticsClient(self._connected, **options)
        await getattr(client, key)(**call)
        (data,) = self._gate.starts[-1].input.args
        return {**data[key], "context": data["context"]}

    async def buffered(self, key: str, call: JsonObject, **options: Any) -> JsonObject:
        """Return the message and the context that the buffering client sends."""
        client = BufferingClient(self._connected, **options)
        getattr(client, key)(**call)
        await client.aclose(SOON)
        data = self._gate.starts[-1].data
        (message,) = data["messages"]
        return {**message, "context": {**data["context"], **message.get("context", {})}}


@pytest.fixture(params=["single", "buffered"])
def sent(request: pytest.FixtureRequest, connected: Client, gate: Gate) -> Callable[..., Any]:
    """Send a call by one of the clients; returns what it sends."""
    function: Callable[..., Any] = getattr(Clients(connected, gate), request.param)
    return function


TRACK: JsonObject = {"user_id": "u-1", "event": "E"}
PLACES = ["properties", "traits", "context", "integrations"]


def id_of(value: object) -> str:
    """The part of a test's id that is the same in each process, whose sets differ in order."""
    return f"set {sorted(value)}" if isinstance(value, frozenset) else repr(value)


@pytest.mark.parametrize(("value", "expected"), CONVERTED, ids=id_of)
async def test_python_values_become_json_in_every_field(
    sent: Callable[..., Any], value: Any, expected: Any
) -> None:
    """In every place that holds the caller's data."""
    call = {place: {"given": value, "in": [value]} for place in PLACES}
    message = await sent("track", {**TRACK, **call})

    for place in PLACES:
        got = message[place]
        if place == "context" and expected is None:  # there null is "not set"
            assert got.get("given") is None
        else:
            assert got["given"] == expected
            assert type(got["given"]) is type(expected)
        assert got["in"] == [expected]


@pytest.mark.parametrize(("value", "expected"), CONVERTED, ids=id_of)
async def test_python_values_of_the_clients_context_become_json(
    sent: Callable[..., Any], value: Any, expected: Any
) -> None:
    """Its context is converted once."""
    message = await sent("track", TRACK, context={"values": [value]})

    assert message["context"]["values"] == [expected]


@pytest.mark.parametrize(("value", "path", "problem"), REFUSED, ids=repr)
async def test_values_without_json_form_are_refused_with_their_path(
    sent: Callable[..., Any], value: Any, path: str, problem: str
) -> None:
    """The path leads to it."""
    with pytest.raises(ValidationError) as refused:
        await sent("track", {**TRACK, "properties": {"items": [0, 1, 2, value]}})

    (field,) = refused.value.fields
    assert field.path == f"track.properties.items.3{path}"
    assert field.message.startswith(problem)


async def test_several_problems_are_reported_together(sent: Callable[..., Any]) -> None:
    """All of them at once."""
    with pytest.raises(ValidationError) as refused:
        await sent("track", {**TRACK, "properties": {"a": b"", "b": math.nan}, "traits": {1.5: 1}})

    assert [field.path for field in refused.value.fields] == [
        "track.properties.a",
        "track.properties.b",
        "track.traits",
    ]


@pytest.mark.parametrize("fanout", [1, 3, 100])
async def test_a_list_that_contains_itself_is_refused(
    sent: Callable[..., Any], fanout: int
) -> None:
    """However often."""
    circle: list[Any] = []
    circle.extend([circle] * fanout)
    with pytest.raises(ValidationError, match=r"track\.properties\.a\.0 contains itself"):
        await sent("track", {**TRACK, "properties": {"a": circle}})


async def test_shared_lists_that_expand_too_much_are_refused(sent: Callable[..., Any]) -> None:
    """Refused before they are written down."""
    value: Any = ["x"] * 10
    for _ in range(15):
        value = [value] * 100
    with pytest.raises(ValidationError, match="track is too large"):
        await sent("track", {**TRACK, "properties": {"a": value}})


class Unreadable(Mapping[str, Any]):
    """A mapping whose own code fails, as a closed database's."""

    def __getitem__(self, key: str) -> Any:
        raise OSError(key)

    def __iter__(self) -> Any:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("place", PLACES)
async def test_values_whose_own_code_raises_are_refused(
    sent: Callable[..., Any], place: str
) -> None:
    """A wrong message like any other."""
    with pytest.raises(
        ValidationError, match=f"{place}.* is a Unreadable that cannot be read: OSE"
    ):
        await sent("track", {**TRACK, place: Unreadable()})


@pytest.mark.parametrize(
    ("key", "call", "expected"),
    [
        ("track", {"user_id": 42, "event": "E"}, {"user_id": "42"}),
        ("track", {"userId": ID, "event": "E"}, {"user_id": str(ID)}),
        (
            "track",
            {"anonymous_id": Size.L, "event": Plan.PRO},
            {"anonymous_id": "3", "event": "pro"},
        ),
        (
            "track",
            {**TRACK, "company_id": 7, "message_id": 8},
            {"company_id": "7", "message_id": "8"},
        ),
        ("group", {"user_id": 1, "group_id": Decimal(2)}, {"user_id": "1", "group_id": "2"}),
        (
            "alias",
            {"previous_user_id": 1, "new_user_id": (2, ID)},
            {"previous_user_id": "1", "new_user_id": ["2", str(ID)]},
        ),
        ("delete", {"user_id": 0}, {"user_id": "0"}),
        (
            "metric",
            {"key": "k", "user": {"id": 42}, "value": Decimal("1.5")},
            {"user": {"id": "42"}},
        ),
    ],
)
async def test_ids_that_are_numbers_become_text(
    sent: Callable[..., Any], key: str, call: JsonObject, expected: JsonObject
) -> None:
    """Whole numbers are text where they are ids."""
    message = await sent(key, call)

    assert {name: message[name] for name in expected} == expected


@pytest.mark.parametrize("value", [True, 4.5, [1], {"id": 1}])
async def test_values_that_are_no_ids_are_refused(sent: Callable[..., Any], value: Any) -> None:
    """True is a number in Python."""
    with pytest.raises(ValidationError, match="user_id must be text"):
        await sent("track", {"user_id": value, "event": "E"})


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (datetime(2026, 1, 31, 9, 30), "2026-01-31T09:30:00+00:00"),  # noqa: DTZ001
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
        (datetime(1900, 1, 2, tzinfo=EARLY), "1900-01-01T23:40:28+00:00"),
        (datetime(1900, 1, 2, tzinfo=ZoneInfo("Europe/Paris")), "1900-01-01T23:50:39+00:00"),
    ],
)
async def test_timestamps_may_be_text_or_datetimes(
    sent: Callable[..., Any], when: Any, expected: str
) -> None:
    """As before; an offset with seconds, which providers do not read, becomes that of UTC."""
    assert (await sent("track", {**TRACK, "timestamp": when}))["timestamp"] == expected


@pytest.mark.parametrize("when", [None, "", " "])
async def test_an_empty_timestamp_is_not_sent(connected: Client, gate: Gate, when: Any) -> None:
    """None and "" are not given."""
    message = await Clients(connected, gate).single("track", {**TRACK, "timestamp": when})
    assert message.get("timestamp") is None


@pytest.mark.slow
def test_checking_time_grows_linearly_with_the_input() -> None:
    """Whatever the values are."""

    def prepare(count: int) -> Callable[[], object]:
        client = BufferingClient(disabled=True, max_batch_bytes=1_900_000)
        properties = {"items": [{"id": UUID(int=n), "tags": {n}} for n in range(count)]}
        return lambda: client.track(user_id=1, event="E", properties=properties)

    assert_linear(prepare, 8_000)


async def test_policies_may_hold_timedeltas(sent: Callable[..., Any], gate: Gate) -> None:
    """Durations of the policies, too."""
    policies = {"request": {"total_timeout": timedelta(minutes=1)}}
    await sent("track", TRACK, policies=policies)

    (value,) = gate.starts[-1].input.args
    data = value if isinstance(value, dict) else gate.starts[-1].data
    assert data["policies"] == {"request": {"total_timeout": 60.0}}
    await asyncio.sleep(0)
