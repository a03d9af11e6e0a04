"""Customer.io: operations on people and objects, one by one and many, each refused by itself."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from durable_analytics.errors import DeliveryError, RateLimited, Rejected, Unauthorized, Unavailable
from durable_analytics.providers import HttpResponse
from durable_analytics.providers._customerio_values import ulid
from tests.providers.building import SENT_AT, account, built, delivery_of, refusal
from tests.support.goldens.customerio import (
    BASE,
    BATCHES,
    CUSTOMERIO,
    GIVEN,
    GIVEN_UNIX,
    PERSON,
    TIME,
    ULID_1,
    UNIX,
)
from tests.support.json_objects import Json
from tests.support.prepared_batches import failure_types, prepared


def test_a_batch_becomes_this_request() -> None:
    """Every method with all fields and with the least, in one body and in order."""
    messages = [
        {"type": row.method, "message_id": "m-1", "timestamp": TIME, **row.message}
        for row in BATCHES
    ]
    for message in messages:
        if message["type"] not in CUSTOMERIO.timestamped_methods:
            message["timestamp"] = TIME

    batch = prepared(CUSTOMERIO, messages)
    request = batch.request(batch.messages, SENT_AT)

    assert batch.rejected == []
    assert (request.method, request.url) == ("POST", f"{BASE}/api/v2/batch")
    assert (request.headers, request.query) == ({}, {})
    assert json.loads(request.content() or b"") == {"batch": [row.request.body for row in BATCHES]}


@pytest.mark.parametrize(
    ("region", "base_url"),
    [("us", "https://track.customer.io"), ("eu", "https://track-eu.customer.io")],
)
def test_a_region_has_its_address(region: str, base_url: str) -> None:
    regional = account("customerio", site_id="s", api_key="k", region=region)

    assert regional.base_url == base_url


SEGMENTS_CASES: list[tuple[str, Json, Json]] = [
    (
        "track",
        {"user_id": "abc123", "event": "e", "properties": {"person": {"birthdate": TIME}}},
        {
            "action": "event",
            "identifiers": {"id": "abc123"},
            "name": "e",
            "timestamp": UNIX,
            "attributes": {"person": {"birthdate": UNIX}},
            "type": "person",
        },
    ),
    (
        "identify",
        {"anonymous_id": "unknown_123", "traits": {"email": "test@example.com"}},
        {
            "action": "identify",
            "attributes": {"anonymous_id": "unknown_123", "email": "test@example.com"},
            "identifiers": {"email": "test@example.com"},
            "timestamp": UNIX,
            "type": "person",
        },
    ),
    (
        "identify",
        {"user_id": "foo@bar.com", "traits": {"created_at": 1361205308}},
        {
            "action": "identify",
            "attributes": {"created_at": 1361205308},
            "identifiers": {"email": "foo@bar.com"},
            "timestamp": UNIX,
            "type": "person",
        },
    ),
    (
        "group",
        {
            "user_id": "abc123",
            "group_id": "grp123",
            "traits": {"object_type_id": "1", "objectAttributes": {"created_at": TIME}},
        },
        {
            "attributes": {"created_at": UNIX},
            "type": "object",
            "action": "identify",
            "identifiers": {"object_type_id": "1", "object_id": "grp123"},
            "cio_relationships": [{"identifiers": {"id": "abc123"}}],
        },
    ),
    (
        "page",
        {"user_id": "abc123", "properties": {"url": "https://example.com"}},
        {
            "action": "page",
            "attributes": {"url": "https://example.com"},
            "identifiers": {"id": "abc123"},
            "name": "https://example.com",
            "timestamp": UNIX,
            "type": "person",
        },
    ),
    (
        "alias",
        {"new_user_id": "abc123", "previous_user_id": "def456"},
        {
            "action": "merge",
            "primary": {"id": "abc123"},
            "secondary": {"id": "def456"},
            "type": "person",
        },
    ),
]
"""Messages, and what Segment's own integration makes of them, from its tests.

It differs from ours on purpose in these: its event has the message id as `id`, which Customer.io
does not take unless it is a ULID; it identifies somebody by an anonymous id alone, which the API
has no operation for; it drops the traits of a group that are not in `objectAttributes`, and makes
an attribute of the group out of the anonymous id; it turns events like "User Deleted" into
deletions, which we have a method for.
"""


@pytest.mark.parametrize(("method", "message", "operation"), SEGMENTS_CASES)
def test_we_send_what_segments_integration_sends(
    method: str, message: Json, operation: Json
) -> None:
    """But for the id of an event."""
    ours = dict(built(CUSTOMERIO, method, {"timestamp": TIME, **message}).body)
    if method in ("track", "page"):
        assert ours.pop("id") == ULID_1

    assert ours == operation


def test_a_repeated_event_has_the_same_ulid() -> None:
    """Of any message id; one that is a ULID already stays as it is."""
    own = "01HB4HBDKTFWYZCK01DMRSWRFD"
    ids = [ulid(id_) for id_ in ("m-1", "m-1", "0199f8a8-0000-7000-8000-000000000000", "é" * 99)]

    assert ids[0] == ids[1] == ULID_1
    assert len({*ids}) == 3
    assert {len(id_) for id_ in ids} == {26}
    assert all(set(id_) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for id_ in ids)
    assert max(ids)[0] < "8"
    assert ulid(own) == own


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("2023-12-25", 1703462400),
        ("2023-12-25T14:30:45Z", 1703514645),
        ("2023-12-25T14:30:45.123456789-08:00", 1703543445),
        ("2023-12-25T14:30:45.9", 1703514645),
        ("1969-12-31T23:59:59.5Z", -1),
        ("2023-13-25", "2023-13-25"),
        ("2023-12-25T25:30:45", "2023-12-25T25:30:45"),
        ("2023-12-25T14:30:45.1234567890", "2023-12-25T14:30:45.1234567890"),
        ("Sat, 31 Jan 2026", "Sat, 31 Jan 2026"),
        ("1712345678.123", "1712345678.123"),
        (1712345678, 1712345678),
    ],
)
def test_times_in_attributes_are_unix_seconds(value: Any, sent: Any) -> None:
    """Where they are ISO 8601, as Segment's integration reads it; anything else stays."""
    traits = built(CUSTOMERIO, "identify", {**PERSON, "traits": {"at": value}}).body["attributes"]

    assert traits == {"at": sent}


@pytest.mark.parametrize(
    ("id_", "identifiers"),
    [
        ("u-1", {"id": "u-1"}),
        ("cio_03000001", {"cio_id": "03000001"}),
        ("ada+x@mail.example.com", {"email": "ada+x@mail.example.com"}),
        ("ada@localhost", {"id": "ada@localhost"}),
        ("@ada", {"id": "@ada"}),
    ],
)
def test_an_id_says_what_it_is(id_: str, identifiers: Json) -> None:
    assert built(CUSTOMERIO, "delete", {"user_id": id_}).body["identifiers"] == identifiers


LONG = "x" * 151


@pytest.mark.parametrize(
    ("method", "message", "problems"),
    [
        (
            "identify",
            {"anonymous_id": "a-1"},
            {"identify.user_id": "is required at Customer.io if traits have no email"},
        ),
        (
            "track",
            {**PERSON, "event": "é" * 51},
            {"track.event": "must have at most 100 bytes at Customer.io"},
        ),
        (
            "track",
            {"user_id": LONG, "event": "E"},
            {"track.user_id": "must have at most 150 bytes at Customer.io"},
        ),
        (
            "track",
            {"anonymous_id": LONG, "event": "E"},
            {"track.anonymous_id": "must have at most 150 bytes at Customer.io"},
        ),
        (
            "group",
            {**PERSON, "group_id": LONG},
            {"group.group_id": "must have at most 150 bytes at Customer.io"},
        ),
        (
            "alias",
            {"previous_user_id": LONG, "new_user_id": "u-1"},
            {"alias.previous_user_id": "must have at most 150 bytes at Customer.io"},
        ),
        (
            "alias",
            {"previous_user_id": "u-0", "new_user_id": ["u-1", "u-2"]},
            {"alias.new_user_id": "must be one id, not a list, at Customer.io"},
        ),
        (
            "identify",
            {**PERSON, "traits": {"bio": "x" * 1001, LONG: 1}},
            {
                "identify.traits.bio": "must have at most 1000 bytes at Customer.io",
                f"identify.traits.{LONG}": "must have a name of at most 150 bytes at Customer.io",
            },
        ),
        (
            "identify",
            {**PERSON, "traits": {f"t{n}": n for n in range(301)}},
            {"identify.traits.t300": "is one too many: Customer.io accepts 300 attributes"},
        ),
        (
            "page",
            {**PERSON, "name": "Home", "properties": {"url": "/", "name": "Other"}},
            {
                "page.properties.name": "conflicts with page.name: "
                "Customer.io has one field for both; remove one"
            },
        ),
    ],
)
def test_what_customerio_would_lose_is_refused(
    method: str, message: Json, problems: dict[str, str]
) -> None:
    """Naming the field, before anything is sent."""
    assert refusal(CUSTOMERIO, method, message) == problems


def test_strict_false_leaves_out_what_would_be_lost() -> None:
    message = {**PERSON, "anonymous_id": "a-1", "traits": {"bio": "x" * 1001, "plan": "pro"}}
    delivery = delivery_of(
        CUSTOMERIO, "identify", message, strict=False, context={"ip": "192.0.2.1"}
    )

    sent = CUSTOMERIO.build(delivery)

    assert sent.body["attributes"] == {"plan": "pro", "anonymous_id": "a-1"}
    assert delivery.left_out == {"traits.bio", "context.ip"}


def test_strict_false_needs_a_name_all_the_same() -> None:
    """Customer.io refuses a page without one."""
    delivery = delivery_of(CUSTOMERIO, "page", PERSON, strict=False)

    with pytest.raises(DeliveryError, match=r"page\.name is required at Customer\.io"):
        CUSTOMERIO.build(delivery)


@pytest.mark.parametrize("name", ["from_address", "recipient", "reply_to"])
def test_customerios_own_properties_pass(name: str) -> None:
    """They override the settings of a campaign, as the caller wants."""
    track = {**PERSON, "event": "E", "properties": {name: "ada@example.com"}}

    assert built(CUSTOMERIO, "track", track).body["attributes"] == {name: "ada@example.com"}


@pytest.mark.parametrize(("surplus", "is_refused"), [(0, False), (1, True)])
def test_a_message_is_full_to_the_byte(surplus: int, is_refused: bool) -> None:
    track = {**PERSON, "event": "E", "properties": {"x": ""}}
    left = 32 * 1024 - len(built(CUSTOMERIO, "track", track).content() or b"")
    large = {**track, "properties": {"x": "x" * (left + surplus)}}

    if is_refused:
        limit = 32 * 1024
        told = f"is too large: the request has {limit + 1} bytes, and Customer.io accepts {limit}"
        assert refusal(CUSTOMERIO, "track", large) == {"track": told}
    else:
        assert len(built(CUSTOMERIO, "track", large).content() or b"") == 32 * 1024


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (
            {"errors": [{"batch_index": 1, "reason": "required", "field": "name", "message": ""}]},
            {1: "Customer.io refused the message: name required"},
        ),
        (
            {"errors": [{"batch_index": 0}, {"batch_index": 2, "reason": "invalid"}]},
            {
                0: "Customer.io refused the message",
                2: "Customer.io refused the message: invalid",
            },
        ),
        ({"errors": [{"batch_index": 7}]}, None),
        ({"errors": "?"}, None),
        ({}, None),
        ("<html>", None),
    ],
)
def test_a_207_says_which_were_refused(body: Any, refused: dict[int, str] | None) -> None:
    """Where it does not, none can be told to be in."""
    failures = CUSTOMERIO.classify_batch(HttpResponse(207, body=body), 3)

    if refused is None:
        assert isinstance(failures, Rejected)
    else:
        assert not isinstance(failures, DeliveryError)
        assert {index: str(failure) for index, failure in failures.items()} == refused
        assert {type(failure) for failure in failures.values()} == {Rejected}


@pytest.mark.parametrize(
    ("status", "failure"),
    [(400, Rejected), (401, Unauthorized), (429, RateLimited), (503, Unavailable)],
)
def test_an_error_status_is_the_error_of_all_messages(
    status: int, failure: type[DeliveryError]
) -> None:
    assert failure_types(CUSTOMERIO, HttpResponse(status), 3) == failure
    assert CUSTOMERIO.classify_batch(HttpResponse(200, body={}), 3) == {}


def test_unix_seconds_of_the_tables() -> None:
    """The figures in this file are those times."""
    times = [datetime.fromisoformat(TIME), datetime.fromisoformat(GIVEN["timestamp"])]

    assert [time.timestamp() for time in times] == [UNIX, GIVEN_UNIX]
    assert datetime.fromtimestamp(UNIX, UTC) == times[0]
