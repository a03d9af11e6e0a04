"""Messages that need no model are prepared as those that do, and in the same words if refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, field_validator, model_validator
from pydantic_core import to_json

from durable_analytics.delivery import batch_preparation
from durable_analytics.delivery.batch_preparation import PreparedBatch, prepare_batch
from durable_analytics.delivery.integrations import Integration
from durable_analytics.errors import ValidationError
from durable_analytics.providers import Delivery, Provider
from durable_analytics.providers.journy import Journy
from durable_analytics.providers.rudderstack import RudderStack
from durable_analytics.providers.segment import Segment
from durable_analytics.wire.fast_check import _check_of
from durable_analytics.wire.messages import Context, JsonObject, Message, Track
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.parsing import BatchInput, read_batch
from durable_analytics.wire.problems import spellings
from tests.providers.building import SENT_AT
from tests.support.json_objects import Json
from tests.support.prepared_batches import DEFAULTS
from tests.support.raw_payloads import raw
from tests.support.strategies import json_values, parsed_values, plausible

USER: Json = {"user_id": "u-1"}
TRACK: Json = {"type": "track", **USER, "event": "E"}


class _FullSegment(Segment):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        return super().item(delivery)


class _FullRudderStack(RudderStack):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        return super().item(delivery)


class _FullJourny(Journy):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        return super().item(delivery)


KEYS = {"write_key": "k", "public_api_token": "t"}
PAIRS: dict[str, tuple[Provider, Provider]] = {
    "segment": (Segment.model_validate(KEYS), _FullSegment.model_validate(KEYS)),
    "rudderstack": (
        RudderStack.model_validate({"write_key": "k", "base_url": "http://localhost"}),
        _FullRudderStack.model_validate({"write_key": "k", "base_url": "http://localhost"}),
    ),
    "journy": (
        Journy.model_validate({"write_key": "k"}),
        _FullJourny.model_validate({"write_key": "k"}),
    ),
}
"""Each provider, and a subclass with its own `item`, which has no fast path."""


def prepare(provider: Provider, batch: BatchInput) -> PreparedBatch:
    """Prepare a batch as Validation does."""
    return prepare_batch(batch, Integration("tested", provider), DEFAULTS)


def result(batch: PreparedBatch) -> list[Any]:
    """What requests and outputs are made of."""
    messages = [(m.index, m.method, m.message_id, m.batch_key, m.item) for m in batch.messages]
    return [messages, batch.rejected, batch.left_out, list(batch.slices(SENT_AT))]


def agree(batch: BatchInput, name: str) -> PreparedBatch:
    """Prepare a batch both ways, and check that the results are equal."""
    fast, full = (prepare(provider, batch) for provider in PAIRS[name])
    assert result(fast) == result(full)
    return fast


def test_the_subclasses_have_no_fast_path() -> None:
    """Otherwise the other tests compare nothing."""
    for fast, full in PAIRS.values():
        assert fast.plain_items()
        assert not full.plain_items()


COMMON: list[tuple[Json, bool]] = [
    (TRACK, True),
    ({**TRACK, "message_id": "m-1", "timestamp": "2026-01-31T09:30:00.250Z"}, True),
    ({**TRACK, "default_timestamp": "2026-01-31T09:30:00.250Z"}, True),
    ({**TRACK, "properties": {"revenue": 19.99, "value": 3, "currency": "USD"}}, True),
    ({**TRACK, "traits": {"plan": "pro"}, "channel": "web", "company_id": "c-1"}, True),
    ({**TRACK, "context": {"ip": "192.0.2.1", "userAgent": "curl", "own": [1]}}, True),
    ({**TRACK, "anonymous_id": None, "traits": None}, True),
    ({"type": "track", "userId": "u-1", "event": "E", "messageId": "m-1"}, True),
    ({"type": "identify", **USER, "traits": {"age": None}}, True),
    ({"type": "group", **USER, "groupId": "g-1", "traits": {"plan": "pro"}}, True),
    ({"type": "alias", "previous_user_id": "a-1", "new_user_id": "u-1"}, True),
    ({"type": "page", **USER, "name": "Prices"}, True),
    ({"type": "page", **USER, "properties": {"url": "https://example.com"}}, True),
    ({"type": "page", **USER}, False),
    ({"type": "screen", **USER, "name": "Prices", "integrations": {"All": False}}, True),
    ({"type": "screen", **USER}, False),
    ({**TRACK, "_metadata": {"nodeVersion": "22"}, "originalTimestamp": "x"}, False),
    ({**TRACK, "properties": {"revenue": "19.99"}}, False),
]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(("message", "works_if_strict"), COMMON)
def test_common_messages_need_no_model(
    monkeypatch: pytest.MonkeyPatch, name: str, message: Json, works_if_strict: bool
) -> None:
    """Of both kinds of inputs; the result is the same."""
    inputs: list[Json] = [{"strict": False}, {"strict": False, "context": {"app": {"a": 1}}}]
    if works_if_strict:
        inputs += [{}, {"context": {"user_agent": "a", "library": {"name": "n"}}}]
    batches = [read_batch({**input, "messages": [message]}) for input in inputs]
    for batch in batches:
        agree(batch, name)

    def fail(*_: Any) -> None:
        raise AssertionError("the model was needed")

    monkeypatch.setattr(batch_preparation, "prepare", fail)
    for batch in batches:
        assert len(prepare(PAIRS[name][0], batch).messages) == 1


OTHERS: list[Json] = [
    {"type": "page", **USER},
    {"type": "page", **USER, "properties": {"url": " ", "path": 1}},
    {"type": "screen", **USER, "properties": {"url": "https://example.com"}},
    {"type": "group", "groupId": "g-1"},
    {"type": "group", "groupId": "g-1", "userId": True},
    {"type": "group", "groupId": "g-1", "userId": " "},
    {"type": "group", "groupId": "g-1", "anonymousId": [1]},
    {"type": "alias", "previous_user_id": "a-1", "new_user_id": ["u-1", "u-2"]},
    {"type": "delete", **USER},
    {"type": "track", "user_id": 7, "event": "E"},
    {**TRACK, "userId": "u-1"},
    {**TRACK, "timestamp": "2026-01-31T09:30:00", "default_timestamp": "yesterday"},
    {**TRACK, "context": {"ip": 7}},
    *({**TRACK, "context": context} for context in ([1], [], "x", " ", -1, 0, False)),
    {**TRACK, "message_id": "x" * 100},
    {"type": "page", "user_id": "0", "messageId": "0", "message_id": "x"},
    {**TRACK, "messageId": "0", "message_id": "0"},
    {**TRACK, "message_id": "0", "messageId": "x"},
    {**TRACK, "originalTimestamp": "2026-01-31T09:30:00Z", "timestamp": "2026-01-31T09:30:00Z"},
]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("message", OTHERS)
def test_other_messages_have_the_same_result(name: str, message: Json, strict: bool) -> None:
    """Whether they are accepted or refused."""
    agree(read_batch({"strict": strict, "messages": [message]}), name)


def test_fields_that_a_provider_fills_in_are_sent() -> None:
    """Also in messages that are certainly valid without them."""

    class Own(Segment):
        def fill_in(self, method: str, message: JsonObject) -> JsonObject:
            del method, message
            return {"anonymous_id": "filled in"}

    prepared = prepare(Own.model_validate(KEYS), read_batch({"messages": [TRACK]}))

    assert b'"anonymousId":"filled in"' in (prepared.messages[0].item or b"")


times = st.sampled_from(["", " ", "2026-01", "2026-01-31t09:30", "0001-01-01T00:00+01:00", 0, "x"])
"""Timestamps, few of them valid."""


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """A message of a batch that is often valid, and wrong in many ways."""
    if not draw(st.integers(0, 30)):
        return draw(parsed_values)
    method = METHODS[draw(st.sampled_from(sorted(METHODS)))]
    spelled: dict[str, list[str]] = {}
    for spelling, (name, _) in spellings(method.message).items():
        spelled.setdefault(name, []).append(spelling)
    message: Json = {"type": method.key}
    for name, field in method.message.model_fields.items():
        if field.is_required() or draw(st.booleans()):
            is_odd = not draw(st.integers(0, 15))
            value = draw(parsed_values | st.none() if is_odd else plausible[name])
            message[draw(st.sampled_from(spelled[name]))] = value
    if not draw(st.integers(0, 10)):
        spelling = draw(st.sampled_from(sorted(spellings(method.message))))
        message[spelling] = draw(st.sampled_from(["x", "", None, 7, {}, [], True]))
    for name in ("timestamp", "default_timestamp"):
        if not draw(st.integers(0, 3)):
            message[name] = draw(plausible["timestamp"] | times)
    for name in ("properties", "traits"):
        if isinstance(message.get(name), dict) and draw(st.booleans()):
            values = json_values | st.sampled_from(["USD", "usd", 3, 3.5, True])
            message[name][draw(st.sampled_from(["revenue", "value", "currency", "url"]))] = draw(
                values
            )
    if not draw(st.integers(0, 2)):
        message["context"] = draw(contexts | parsed_values)
    if not draw(st.integers(0, 5)):
        message[draw(st.text(max_size=5) | st.sampled_from(["writeKey", "_metadata"]))] = draw(
            parsed_values
        )
    return message


contexts = st.dictionaries(
    st.sampled_from(sorted({*spellings(Context)})) | st.text(max_size=5), json_values, max_size=3
)


batches = given(
    found=st.lists(messages(), min_size=1, max_size=3),
    context=st.none() | contexts | parsed_values,
    strict=st.booleans(),
    name=st.sampled_from(sorted(PAIRS)),
)


def _agree_on(found: list[Any], context: Any, strict: bool, name: str) -> None:
    try:
        batch = read_batch({"strict": strict, "context": context, "messages": found})
    except ValidationError:
        return
    agree(batch, name)


@settings(max_examples=200, deadline=None)
@batches
def test_any_batch_is_prepared_the_same_with_and_without_models(
    found: list[Any], context: Any, strict: bool, name: str
) -> None:
    """The same items byte by byte, the same rejections, the same slices."""
    _agree_on(found, context, strict, name)


@pytest.mark.slow
@settings(max_examples=1_000, deadline=None)
@batches
def test_many_batches_are_prepared_the_same(
    found: list[Any], context: Any, strict: bool, name: str
) -> None:
    """More of them, which takes longer."""
    _agree_on(found, context, strict, name)


INJECTED = {
    "invalid UTF-8": b'"\xff"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "half a surrogate pair": b'"cut \\ud83d"',
    "a key that is half a surrogate pair": b'{"\\ud83d":1}',
    "1e999": b"1e999",
    "-1e999": b"-1e999",
    "1e999 in an object": b'{"revenue":1e999}',
    "NaN": b"NaN",
    "NaN in an object": b'{"value":NaN,"a":[NaN]}',
    "-Infinity in a list": b"[[-Infinity]]",
    "the text NaN": b'"NaN Infinity"',
    "a doubled key": b'{"a":1,"a":2,"revenue":"x","revenue":1}',
    "99 levels": b"[" * 99 + b"]" * 99,
    "150 levels": b'{"a":' * 150 + b"1" + b"}" * 150,
    "250 levels": b"[" * 250 + b"]" * 250,
    "4300 digits": b"9" * 4300,
    "5000 digits": b"9" * 5000,
    "digits in an object": b'{"revenue":%b}' % (b"9" * 4301),
    "a NUL": b'"\\u0000"',
    "an id list": b'["a","b"]',
    "too much": b'"%b"' % (b"x" * 33_000),
    "too much in an object": b'{"a":"%b"}' % (b"x" * 33_000),
    **{value: value.encode() for value in ("null", "true", "7", "-0.0", '""', '" "', "[]", "{}")},
}
"""Values as bytes of JSON, or of what is none."""

MESSAGE: Json = {
    "type": "track",
    "messageId": "m-1",
    "userId": "u-1",
    "anonymous_id": "a-1",
    "event": "E",
    "properties": {"a": {"b": [1]}, "revenue": 19.99, "value": 1, "currency": "USD"},
    "traits": {"plan": "pro"},
    "integrations": {"All": False},
    "context": {"ip": "192.0.2.1", "app": {"name": "shop"}, "own": 1},
    "timestamp": "2026-01-31T09:30:00Z",
}

MARK = "the injected value"


def places(value: Any) -> list[Any]:
    """Return copies of a value, with the mark in the place of one of its values each."""
    if isinstance(value, dict):
        inner = [{**value, k: marked} for k, item in value.items() for marked in places(item)]
        return [MARK, *inner, {**value, "more": MARK}]
    if isinstance(value, list):
        return [MARK, *([marked] for item in value for marked in places(item))]
    return [MARK]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", INJECTED)
def test_odd_json_in_any_place_of_one_message_has_the_same_result(name: str, strict: bool) -> None:
    """And the other messages are sent."""
    good = to_json(TRACK)
    for number, marked in enumerate(places(MESSAGE)):
        odd = to_json(marked).replace(to_json(MARK), INJECTED[name])
        data = b'{"strict":%b,"messages":[%b]}' % (to_json(strict), b",".join([good, odd, good]))
        provider = sorted(PAIRS)[number % len(PAIRS)]

        prepared = agree(read_batch(raw(data)), provider)

        sent, refused = prepared.messages, prepared.rejected
        assert {0, 2} <= {message.index for message in sent}
        assert len(sent) + len(refused) == 3


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("key", ["userId", "user_id", "type", "properties", "context", "timestamp"])
def test_doubled_keys_of_a_message_have_the_same_result(key: str, strict: bool) -> None:
    """In one spelling the last one counts, as JSON parsers have it."""
    for value in (b'"u-2"', b'"group"', b"{}", b"null", b"7"):
        odd = to_json({**MESSAGE, "group_id": "g"}).replace(
            b"{", b'{"%b":%b,' % (key.encode(), value), 1
        )
        after = to_json(MESSAGE).removesuffix(b"}") + b',"%b":%b}' % (key.encode(), value)
        data = b'{"strict":%b,"messages":[%b]}' % (to_json(strict), b",".join([odd, after]))
        for provider in PAIRS:
            agree(read_batch(raw(data)), provider)


def test_a_provider_with_its_own_items_builds_all_of_them() -> None:
    """Also messages that are certainly valid."""

    class Own(Segment):
        def item(self, delivery: Delivery[Message]) -> JsonObject:
            return {**super().item(delivery), "own": True}

    prepared = prepare(Own.model_validate(KEYS), read_batch({"messages": [TRACK]}))

    assert b'"own":true' in (prepared.messages[0].item or b"")


def test_a_model_with_an_unknown_rule_never_passes() -> None:
    """A new rule in a model cannot be forgotten here."""

    class NewFieldRule(Track):
        @field_validator("event")
        @classmethod
        def _new(cls, value: str) -> str:
            return value

    class NewRuleOfAllFields(Track):
        @field_validator("*")
        @classmethod
        def _new(cls, value: Any) -> Any:
            return value

    class NewModelRule(Track):
        @model_validator(mode="after")
        def _new(self) -> "NewModelRule":
            return self

    class NewLimit(Track):
        event: str = Field(max_length=5)

    class NewType(Track):
        event: int  # type: ignore[assignment]  # another type

    known = _check_of(Track)
    for model in (NewFieldRule, NewRuleOfAllFields, NewLimit, NewType):
        assert known.kinds["event"] is str
        assert _check_of(model).kinds["event"] is None
    assert all(rule({"user_id": "u"}, True) for rule in known.rules)
    assert not all(rule({"user_id": "u"}, True) for rule in _check_of(NewModelRule).rules)
