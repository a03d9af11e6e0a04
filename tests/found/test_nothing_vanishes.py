"""Whatever a message contains is sent, or named in `left_out` or in the error: nothing vanishes."""

import gzip
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from pydantic.alias_generators import to_camel, to_snake

from durable_analytics.errors import ValidationError
from durable_analytics.providers import HttpRequest, Provider
from durable_analytics.wire.messages import Context
from tests.providers.building import ACCOUNTS, built, delivery_of, refusal
from tests.support.json_objects import Json

PROVIDERS = [pytest.param(provider, id=name) for name, provider in ACCOUNTS.items()]
COMPATIBLE = [
    pytest.param(ACCOUNTS[name], id=name) for name in ("segment", "rudderstack", "journy")
]

PERSON: Json = {"user_id": "user-1"}
MESSAGES: dict[str, Json] = {
    "identify": {**PERSON, "traits": {"plan": "pro"}},
    "track": {**PERSON, "event": "E", "traits": {"plan": "pro"}},
    "group": {**PERSON, "group_id": "group-1", "traits": {"plan": "pro"}},
    "alias": {"previous_user_id": "user-0", "new_user_id": "user-1"},
    "page": {**PERSON, "name": "Home"},
    "screen": {**PERSON, "name": "Home"},
    "delete": PERSON,
    "annotate": {"event": "E"},
}

MARK, OTHER = "Mark918273", "Mark645546"
VALUES: list[Any] = [MARK, [MARK], {"key": MARK}, {"name": MARK}, {"url": MARK}, {"path": MARK}]

CONTEXT_KEYS = sorted(
    {*Context.model_fields, *map(to_camel, Context.model_fields), "location", "consent", "own_key"}
)


_OBJECTS = ("traits", "properties", "context")
"""The fields with data, which may be named as a whole."""


def text_of(request: HttpRequest) -> str:
    """All that a request sends."""
    content = request.content() or b""
    body = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    return f"{request.url} {dict(request.headers)} {dict(request.query)} {body.decode()}"


def vanished(
    provider: Provider, method: str, message: Json, marks: dict[str, str], **input: Any
) -> list[str]:
    """The marks that are neither sent nor named.

    Args:
        provider: The provider.
        method: The method.
        message: The message.
        marks: The key of each mark in the input.
        input: The rest of the input.
    """
    try:
        delivery = delivery_of(provider, method, message, **input)
        sent = text_of(provider.build(delivery))
    except ValidationError as error:
        assert error.fields
        return []
    paths = [f".{to_snake(path)}." for path in delivery.left_out]
    wholes = {f".{prefix}{name}." for prefix in ("", f"{method}.") for name in _OBJECTS}
    return [
        f"{method} {key}: {message} {input}"
        for mark, key in marks.items()
        if mark not in sent
        and not any(f".{to_snake(key)}." in path for path in paths)
        and wholes.isdisjoint(paths)
    ]


def cases(provider: Provider) -> Iterator[tuple[str, Json]]:
    """The provider's methods, each with a message."""
    return ((method, MESSAGES[method]) for method in MESSAGES if provider.has(method))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_value_of_a_context_vanishes(provider: Provider) -> None:
    """Of any type, which `"strict": false` allows."""
    lost = [
        problem
        for method, message in cases(provider)
        for key in CONTEXT_KEYS
        for value in VALUES
        # An object `library` names the client library, which other providers do not need.
        if not (key == "library" and isinstance(value, dict))
        for problem in vanished(
            provider, method, message, {MARK: key}, context={key: value}, strict=False
        )
    ]

    assert not lost


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_second_spelling_of_a_key_of_a_context_vanishes(provider: Provider) -> None:
    lost = [
        problem
        for method, message in cases(provider)
        for key in Context.model_fields
        if to_camel(key) != key
        for name, other in ((key, to_camel(key)), (to_camel(key), key))
        for problem in vanished(
            provider,
            method,
            message,
            {MARK: name, OTHER: other},
            context={name: MARK, other: OTHER},
            strict=False,
        )
    ]

    assert not lost


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("strict", [True, False])
def test_no_key_of_a_context_beside_the_same_field_vanishes(
    provider: Provider, *, strict: bool
) -> None:
    """A group's id, a channel, a page's URL."""
    track = {**PERSON, "event": "E"}
    beside: list[tuple[str, Json, Json]] = [
        ("group", {**PERSON, "group_id": "group-1"}, {"group_id": MARK}),
        ("group", {**PERSON, "group_id": "group-1", "traits": {"a": 1}}, {"group_id": MARK}),
        ("page", {**PERSON, "properties": {"url": "https://a.example"}}, {"page": {"url": MARK}}),
        ("page", {**PERSON, "properties": {"title": "A", "url": "x"}}, {"page": {"title": MARK}}),
        ("track", {**track, "properties": {"utm_source": "a"}}, {"campaign": {"source": MARK}}),
        ("track", {**track, "properties": {"context": "a"}}, {"own": MARK}),
        ("track", {**track, "properties": {"$set": "a"}}, {"own": MARK}),
        ("track", {**track, "properties": {"$os": "a"}}, {"os": {"name": MARK}}),
        ("track", {**track, "properties": {"$group_id": "a"}}, {"group_id": MARK}),
    ]
    if provider not in (ACCOUNTS[name] for name in ("segment", "rudderstack", "journy")):
        beside.append(("track", {**track, "company_id": "company"}, {"group_id": MARK}))
    lost = [
        problem
        for method, message, context in beside
        if provider.has(method)
        for problem in vanished(
            provider, method, message, {MARK: next(iter(context))}, context=context, strict=strict
        )
    ]

    assert not lost


KEYS = [
    *("type", "previousId", "previous_id", "userId", "user_id", "groupId", "group_id", "sentAt"),
    *("context", "traits", "channel", "companyId", "company_id", "properties", "name", "category"),
    *("event", "key", "value", "own_key", "ownKey", "anonymousId", "newUserId", "timestamp"),
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("context", [{}, {"locale": "en"}])
def test_no_unknown_key_vanishes(provider: Provider, context: Json) -> None:
    """Neither of a message nor of a wrong type; also one with the name of a key of the request."""
    lost = [
        problem
        for method, message in cases(provider)
        for key in KEYS
        if to_snake(key) not in message
        # Google gets a number that follows from an anonymous id.
        if (provider, key) != (ACCOUNTS["ga4"], "anonymousId")
        for value in (MARK, [MARK], {"key": MARK})
        for problem in vanished(
            provider,
            method,
            {**message, key: value},
            {MARK: key},
            context=context,
            strict=False,
        )
    ]

    assert not lost


PROPERTIES = [
    *("products", "items", "currency", "context", "$set", "$groups", "$insert_id", "token"),
    *("time", "url", "path", "title", "page_location", "$current_url", "name", "category"),
    *("group_id", "$group_id", "item_id", "product_id", "order_id", "transaction_id", "total"),
    *("$anon_distinct_id", "$device_id", "$user_id", "distinct_id", "$ip", "event_name", "query"),
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "event", ["E", "Order Completed", "Product Viewed", "Promotion Viewed", "Products Searched"]
)
def test_no_property_vanishes(provider: Provider, event: str, *, strict: bool) -> None:
    """Of any type; nor does one beside another one."""
    if not provider.has("track"):
        return
    lost: list[str] = []
    person = {**PERSON, "anonymous_id": "anonymous-1"} if not strict else PERSON
    for key in PROPERTIES:
        for value in VALUES:
            for more in ({}, {"revenue": 5}, {"product_id": "p", "revenue": 5}):
                if key in more:
                    continue
                message = {**person, "event": event, "properties": {**more, key: value}}
                lost += vanished(provider, "track", message, {MARK: key}, strict=strict)
    for key, other in combinations(PROPERTIES, 2) if event == "Order Completed" else ():
        message = {**person, "event": event, "properties": {key: MARK, other: OTHER}}
        lost += vanished(provider, "track", message, {MARK: key, OTHER: other}, strict=strict)

    assert not lost


TRAITS = [
    *("group_id", "email", "$email", "firstName", "first_name", "$first_name", "createdAt"),
    *("created_at", "created", "$created", "objectAttributes", "relationshipAttributes", "group"),
    *("object_type_id", "objectTypeId", "name", "$name", "birthday", "dob", "gender", "address"),
    *("anonymous_id", "user_id", "external_id", "attributes", "engagement_time_msec", "plan"),
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("method", ["identify", "group", "track"])
def test_no_trait_vanishes(provider: Provider, method: str, *, strict: bool) -> None:
    if not provider.has(method):
        return
    lost: list[str] = []
    message = {name: value for name, value in MESSAGES[method].items() if name != "traits"}
    for key in TRAITS:
        for value in VALUES:
            marked = {**message, "traits": {key: value}}
            lost += vanished(provider, method, marked, {MARK: key}, strict=strict)
    for key, other in combinations(TRAITS, 2):
        marked = {**message, "traits": {key: MARK, other: OTHER}}
        lost += vanished(provider, method, marked, {MARK: key, OTHER: other}, strict=strict)

    assert not lost


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("method", ["identify", "group", "track"])
def test_no_trait_of_a_context_vanishes(provider: Provider, method: str) -> None:
    """Neither where it is no object nor where the message has the trait."""
    if not provider.has(method):
        return
    lost: list[str] = []
    for traits in (MARK, [MARK], {"plan": MARK}, {"group": MARK}, {"own": MARK}):
        lost += vanished(
            provider,
            method,
            MESSAGES[method],
            {MARK: "traits"},
            context={"traits": traits},
            strict=False,
        )

    assert not lost


@pytest.mark.parametrize("value", ["text", {"a": 1}, 5, True, "", None])
@pytest.mark.parametrize("event", ["E", "Order Completed", "Product Viewed"])
def test_products_that_are_no_list_at_google(event: str, value: Any) -> None:
    """They are a parameter like any other, or refused or left out like any other."""
    track = {**PERSON, "event": event, "properties": {"products": value}}
    is_scalar = isinstance(value, (str, int))
    delivery = delivery_of(ACCOUNTS["ga4"], "track", track, strict=False)
    (sent,) = ACCOUNTS["ga4"].build(delivery).body["events"]

    assert sent["params"].get("products", "-") == (value if is_scalar else "-")
    assert ("properties.products" in delivery.left_out) is not is_scalar
    if not is_scalar:
        assert [*refusal(ACCOUNTS["ga4"], "track", track)] == ["track.properties.products"]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("value", ["text", {"a": 1}, 5, True])
def test_products_that_are_no_list_at_braze(value: Any, *, strict: bool) -> None:
    properties = {"revenue": 5, "products": value}
    track = {**PERSON, "event": "Order Completed", "properties": properties}
    (purchase,) = built(ACCOUNTS["braze"], "track", track, strict=strict).body["purchases"]

    assert purchase["properties"]["products"] == value


def test_a_trait_with_the_name_of_the_group_id_at_google() -> None:
    group = {**PERSON, "group_id": "n", "traits": {"group_id": "other"}}
    delivery = delivery_of(ACCOUNTS["ga4"], "group", group, strict=False)
    (sent,) = ACCOUNTS["ga4"].build(delivery).body["events"]

    assert sent["params"]["group_id"] == "n"
    assert delivery.left_out == {"traits.group_id"}
    assert [*refusal(ACCOUNTS["ga4"], "group", group)] == ["group.traits.group_id"]


def test_another_group_in_the_context_at_amplitude() -> None:
    group, context = {**PERSON, "group_id": "group-1"}, {"group_id": "other-g"}
    delivery = delivery_of(ACCOUNTS["amplitude"], "group", group, context=context, strict=False)
    ACCOUNTS["amplitude"].build(delivery)

    assert delivery.left_out == {"context.group_id"}
    told = refusal(ACCOUNTS["amplitude"], "group", group, context=context)
    assert [*told] == ["context.group_id"]


@pytest.mark.parametrize("provider", COMPATIBLE)
@pytest.mark.parametrize(
    ("method", "key"),
    [("alias", "previousId"), ("alias", "userId"), ("track", "type"), ("identify", "type")],
)
def test_an_unknown_key_with_the_name_of_a_known_one(
    provider: Provider, method: str, key: str
) -> None:
    """It is told, unless it has the same value."""
    delivery = delivery_of(provider, method, {**MESSAGES[method], key: "stray"}, strict=False)
    provider.build(delivery)
    assert delivery.left_out == {key}

    same = {"previousId": "user-0", "userId": "user-1", "type": method}[key]
    delivery = delivery_of(provider, method, {**MESSAGES[method], key: same}, strict=False)
    provider.build(delivery)
    assert delivery.left_out == set()


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("object_", "name"), [("device", "advertising_id"), ("device", "ad_tracking_enabled")]
)
def test_both_spellings_of_a_key_in_an_object_of_a_context(
    provider: Provider, object_: str, name: str
) -> None:
    """An error, as for every other key."""
    context = {object_: {name: "a", to_camel(name): "b"}}
    method, message = next(cases(provider))

    assert refusal(provider, method, message, context=context) == {
        f"context.{object_}.{name}": f"is set twice, as {name} and as {to_camel(name)}: remove one"
    }
