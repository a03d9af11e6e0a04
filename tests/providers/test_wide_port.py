"""The port carries vendors that differ in all that vendors differ in: three made-up ones."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from durable_analytics.errors import RateLimited, Rejected, Unauthorized
from durable_analytics.providers import (
    BatchDelivery,
    Form,
    HttpRequest,
    HttpResponse,
    JsonItems,
    Provider,
)
from durable_analytics.testing import ProviderConformance
from tests.providers.building import COMMON, SENT_AT, built, refusal
from tests.support.arrays import Arrays
from tests.support.keyed import Keyed
from tests.support.prepared_batches import failure_types
from tests.support.signed import Signed
from tests.support.standin_vendors import VENDORS

BASE = "https://vendor.example.com"
SIGNED = Signed(base_url=BASE, secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
KEYED = Keyed(base_url=BASE, api_key="keyed-api-key")
ARRAYS = Arrays(
    base_url=BASE,
    project="p-1",
    account="arrays-account",
    password="arrays-password",
    token="arrays-token",
)


class TestSigned(ProviderConformance):
    """No batches."""

    provider = Signed.model_validate(VENDORS["signed"].integration_settings(BASE))
    vendor = VENDORS["signed"]


class TestKeyed(ProviderConformance):
    """One endpoint for batches."""

    provider = Keyed.model_validate(VENDORS["keyed"].integration_settings(BASE))
    vendor = VENDORS["keyed"]


class TestArrays(ProviderConformance):
    """Two endpoints for batches."""

    provider = Arrays.model_validate(VENDORS["arrays"].integration_settings(BASE))
    vendor = VENDORS["arrays"]


def sent(provider: Provider, request: HttpRequest, delivery_id: str = "m-1") -> HttpRequest:
    """The request with its credentials."""
    return provider.authorize(request, delivery_id=delivery_id, sent_at=SENT_AT)


def body(request: HttpRequest) -> Any:
    """The JSON of a body."""
    return json.loads(request.content() or b"")


def test_signs_the_bytes_of_the_body() -> None:
    """The example of the Standard Webhooks specification."""
    request = HttpRequest("POST", BASE, b'{"test": 2432232314}')
    at = datetime.fromtimestamp(1614265330, UTC)

    signed = SIGNED.authorize(request, delivery_id="msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at=at)

    assert signed.headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_signed_request() -> None:
    track = {**COMMON, "user_id": "u-1", "event": "E", "properties": {"a": None}}

    request = built(SIGNED, "track", track, context={"locale": "en"})

    assert request == HttpRequest(
        "POST",
        f"{BASE}/hook",
        {
            "type": "track",
            "timestamp": COMMON["timestamp"],
            "data": {
                "context": {"locale": "en"},
                "event": "E",
                "properties": {"a": None},
                "user_id": "u-1",
            },
        },
    )


def test_the_time_of_an_attempt_is_no_secret() -> None:
    """A response may hold it, or a zero."""
    assert "0" not in SIGNED.secret_values()
    assert "" not in SIGNED.secret_values()


def test_events_carry_the_key_beside_them() -> None:
    track = {**COMMON, "user_id": "u-1", "event": "E", "properties": {"a": 1}}

    request = built(KEYED, "track", track)

    assert (request.url, body(request).keys()) == (f"{BASE}/events", {"events"})
    assert body(sent(KEYED, request)) == {
        "api_key": "keyed-api-key",
        "events": [{"a": 1, "id": "m-1", "time": 1769851800000, "user_id": "u-1", "name": "E"}],
    }


def test_a_form_carries_the_key_as_a_field() -> None:
    identify = {**COMMON, "user_id": "u-1", "traits": {"a": "é&"}}

    request = sent(KEYED, built(KEYED, "identify", identify))

    assert request == HttpRequest(
        "POST",
        f"{BASE}/identify",
        Form({"id": "m-1", "user": "u-1", "traits": '{"a":"é&"}', "api_key": "keyed-api-key"}),
    )
    assert request.content_type() == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("value", [[1], "text", 1])
def test_a_call_has_room_for_the_key(value: object) -> None:
    call = {"method": "POST", "path": "/x", "body": value}

    assert refusal(KEYED, "call", call) == {"call.body": "must be an object at Keyed"}


def test_a_batch_of_one_key_in_the_body() -> None:
    batch = BatchDelivery("events", [b'{"id":"a"}', b'{"id":"b"}'], SENT_AT)

    request = sent(KEYED, KEYED.build_batch(batch))

    assert body(request) == {"api_key": "keyed-api-key", "events": [{"id": "a"}, {"id": "b"}]}


@pytest.mark.parametrize(
    ("status", "answer", "failures"),
    [
        (200, {"code": 200}, {}),
        (400, {"failed": [{"index": 1, "reason": "x"}]}, {1: Rejected}),
        (429, {"throttled": [0, 2]}, {0: RateLimited, 2: RateLimited}),
        (
            400,
            {"failed": [{"index": 0}], "throttled": [1]},
            {0: Rejected, 1: RateLimited},
        ),
    ],
)
def test_each_event_has_its_own_failure(
    status: int, answer: object, failures: dict[int, type]
) -> None:
    assert failure_types(KEYED, HttpResponse(status, body=answer), 3) == failures


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"error": "invalid api_key"}, Unauthorized),
        ({"failed": [{"index": 9}]}, Rejected),
        ("", Rejected),
    ],
)
def test_all_events_fail_together(answer: object, failure: type) -> None:
    """What is not known of each counts for all of them."""
    assert failure_types(KEYED, HttpResponse(400, body=answer), 3) == failure


def test_an_array_by_basic_authentication() -> None:
    track = {**COMMON, "user_id": "u-1", "event": "E", "properties": {"a": 1}}

    request = sent(ARRAYS, built(ARRAYS, "track", track))

    basic = base64.b64encode(b"arrays-account:arrays-password").decode()
    assert (request.url, request.query) == (f"{BASE}/events", {"project": "p-1"})
    assert request.headers == {"Authorization": f"Basic {basic}"}
    assert body(request) == [
        {
            "user": "u-1",
            "event": "E",
            "time": COMMON["timestamp"],
            "properties": {"a": 1, "$id": "m-1"},
        }
    ]


def test_an_array_with_the_token_in_each_item() -> None:
    items = [b'{"user":"u-1"}', b"{}"]

    request = ARRAYS.build_batch(BatchDelivery("profiles", items, SENT_AT))

    assert request.body == JsonItems(items)
    assert request.query == {"project": "p-1"}
    assert body(sent(ARRAYS, request)) == [
        {"$token": "arrays-token", "user": "u-1"},
        {"$token": "arrays-token"},
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"a": 1}, {"a": 1, "k": "v"}),
        ([{"a": 1}, {}], [{"a": 1, "k": "v"}, {"k": "v"}]),
        ([], []),
    ],
)
def test_item_fields_go_into_each_object(given: object, expected: object) -> None:
    assert HttpRequest("POST", BASE, given).with_item_fields({"k": "v"}).body == expected


@pytest.mark.parametrize("given", [None, b"{}", [1], "text", Form({})])
def test_item_fields_need_objects(given: object) -> None:
    with pytest.raises(TypeError):
        HttpRequest("POST", BASE, given).with_item_fields({"k": "v"})
