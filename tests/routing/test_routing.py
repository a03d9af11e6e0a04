"""The `routing` of an integration: its filters, its changes of values, and its settings."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pydantic
import pytest

from durable_analytics.delivery.routing import Routing
from durable_analytics.errors import ValidationError
from durable_analytics.settings.integrations import IntegrationSettings
from durable_analytics.settings.routing import read_routing
from tests.support.json_objects import Json
from worker import Settings

ORDER: Json = {
    "event": "Order Completed",
    "user_id": "u-1",
    "properties": {"plan": "pro", "total": 9, "card": {"number": "4", "owner": "A"}},
    "traits": {"email": "a@example.com", "ssn": "1"},
}


def excluded(method: str = "track", message: Json = ORDER, **routing: Any) -> str | None:
    """Why the routing excludes a message."""
    return Routing(**routing).excludes(method, message, {"locale": "en-US", "app": {"name": "s"}})


def changed(message: Json = ORDER, **routing: Any) -> Json:
    """A message as the integration gets it."""
    return Routing(**routing).change_values("track", message, "key")


def test_methods() -> None:
    assert excluded(methods=["track"]) is None
    assert excluded(methods=["identify"]) == "the routing does not list the method track"
    assert excluded("delete", methods=["track"]) is not None


@pytest.mark.parametrize(
    ("events", "is_sent"),
    [
        (["Order *"], True),
        (["order *"], False),
        (["Order"], False),
        (["Signed Up", "Order Complete?"], True),
        (["[OP]rder*"], True),
        (["*"], True),
        ([], False),
    ],
)
def test_events(events: list[str], is_sent: bool) -> None:
    """Shell patterns of the whole name, in this case."""
    assert (excluded(events=events) is None) == is_sent


def test_messages_without_an_event_do_not_need_a_pattern() -> None:
    assert excluded("identify", {"user_id": "u", "traits": {}}, events=["Order *"]) is None
    assert excluded("annotate", {"event": "Deployed"}, events=["Order *"]) is not None


@pytest.mark.parametrize(
    ("where", "is_sent"),
    [
        ({"properties.plan": "pro"}, True),
        ({"properties.plan": "free"}, False),
        ({"properties.plan": "pro", "properties.total": 9.0}, True),
        ({"properties.plan": "pro", "properties.total": 8}, False),
        ({"properties.total": "9"}, False),
        ({"properties.total": True}, False),
        ({"properties.card": {"owner": "A", "number": "4"}}, True),
        ({"properties.card.owner": "A"}, True),
        ({"properties.missing": None}, False),
        ({"properties.plan.deeper": "x"}, False),
        ({"user_id": "u-1"}, True),
        ({"context.locale": "en-US"}, True),
        ({"context.app.name": "s"}, True),
        ({"context.app.name": "t"}, False),
    ],
)
def test_where(where: Json, is_sent: bool) -> None:
    """Equal as JSON values, all of them."""
    assert (excluded(where=where) is None) == is_sent


def test_where_reads_null_and_the_context_of_a_message() -> None:
    message = {"properties": {"n": None, "one": 1}, "context": {"app": {"name": "own"}}}

    assert excluded(message=message, where={"properties.n": None}) is None
    assert excluded(message=message, where={"properties.one": True}) is not None
    assert excluded(message=message, where={"context.app.name": "own"}) is None
    assert excluded(message=message, where={"context.locale": "en-US"}) is None


@pytest.mark.parametrize("key", ["user_id", "userId", "anonymous_id", "anonymousId"])
def test_a_sample_has_its_share_of_users(key: str) -> None:
    """The same users each time, and those of a smaller sample among them."""

    def users(share: float) -> set[int]:
        return {
            number
            for number in range(2000)
            if excluded(message={key: f"u-{number}"}, sample=share) is None
        }

    assert users(0.0) == set()
    assert users(1.0) == {*range(2000)}
    assert 140 < len(users(0.1)) < 260
    assert users(0.1) < users(0.5)


def test_a_sample_goes_by_the_user_id_first() -> None:
    """And sends what has neither id."""
    by_user = [excluded(message={"user_id": f"u-{n}"}, sample=0.5) for n in range(50)]
    both = [
        excluded(message={"user_id": f"u-{n}", "anonymous_id": "a"}, sample=0.5) for n in range(50)
    ]

    assert both == by_user
    assert excluded("annotate", {"event": "E"}, sample=0.0) is None
    assert excluded(message={"user_id": 7}, sample=1.0) is None


@pytest.mark.parametrize("method", ["delete", "call"])
def test_a_deletion_is_not_sampled(method: str) -> None:
    message = {"user_id": "u-1"}

    assert excluded(method, message, sample=0.0, where={"properties.plan": "pro"}) is None


def test_drop() -> None:
    sent = changed(drop=["properties.card.number", "traits.ssn", "traits.missing", "traits.a.b"])

    assert sent["properties"] == {"plan": "pro", "total": 9, "card": {"owner": "A"}}
    assert sent["traits"] == {"email": "a@example.com"}
    assert ORDER["properties"]["card"] == {"number": "4", "owner": "A"}


def test_allow() -> None:
    """Of a field that it does not name, everything is sent."""
    sent = changed(allow=["traits.email"])
    assert sent["traits"] == {"email": "a@example.com"}
    assert sent["properties"] == ORDER["properties"]

    sent = changed(allow=["properties.card.owner", "properties.missing.x"])
    assert sent["properties"] == {"card": {"owner": "A"}}


def test_rename() -> None:
    sent = changed(rename={"properties.total": "properties.revenue", "traits.no": "traits.x"})

    assert sent["properties"] == {
        "plan": "pro",
        "card": {"number": "4", "owner": "A"},
        "revenue": 9,
    }
    assert sent["traits"] == ORDER["traits"]
    assert changed(rename={"traits.ssn": "traits.ids.ssn"})["traits"]["ids"] == {"ssn": "1"}


def test_a_name_that_is_taken_is_kept() -> None:
    with pytest.raises(ValidationError) as refused:
        changed(rename={"properties.total": "properties.plan"})

    assert refused.value.fields[0].path == "track.properties.plan"


def test_hash() -> None:
    """The HMAC-SHA256 of the text in UTF-8, in hex (RFC 2104); null has nothing to hash."""
    sent = changed(hash=["traits.email", "traits.missing"])

    # echo -n a@example.com | openssl dgst -sha256 -hmac key
    expected = "a58174f17d84bb276f38bdb6296c740d521221a465299af8b66b54e5cc8e18bf"
    assert sent["traits"] == {"email": expected, "ssn": "1"}
    message: Json = {"traits": {"email": None}}
    assert changed(message, hash=["traits.email"]) == message


@pytest.mark.parametrize("value", [1, True, ["a@example.com"], {"a": "b"}])
def test_only_text_can_be_hashed(value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        changed({"traits": {"email": value}}, hash=["traits.email"])

    assert refused.value.fields[0].path == "track.traits.email"


def test_the_changes_apply_in_order() -> None:
    """Drop, allow, rename, hash."""
    sent = changed(
        drop=["traits.ssn"],
        allow=["traits.email", "traits.ssn"],
        rename={"traits.email": "traits.mail"},
        hash=["traits.mail"],
    )

    assert sent["traits"].keys() == {"mail"}
    assert len(sent["traits"]["mail"]) == 64


@pytest.mark.parametrize("message", [{}, {"properties": None}, {"traits": []}])
def test_a_message_without_these_objects_is_unchanged(message: Json) -> None:
    assert changed(message, drop=["properties.a"], hash=["traits.b"]) is message


@pytest.mark.parametrize("value", ["4111", 4111, [{"card": "4111"}]])
@pytest.mark.parametrize("routing", [{"allow": ["properties.plan"]}, {"drop": ["properties.card"]}])
def test_what_is_no_object_is_not_let_through(value: Any, routing: Json) -> None:
    """With "strict": false, it could have the very values."""
    with pytest.raises(ValidationError) as refused:
        changed({"properties": value}, **routing)

    assert refused.value.fields[0].path == "track.properties"


def test_the_context_of_an_sdk_has_camel_case() -> None:
    routing = Routing(where={"context.user_agent": "x", "type": "track"})

    for context in ({"userAgent": "x"}, {"user_agent": "x"}):
        assert routing.excludes("track", {}, context) is None
        assert routing.excludes("page", {}, context) is not None


@pytest.mark.parametrize(
    ("routing", "there"),
    [
        ({"methods": ["tracks"]}, "must be one of identify, track"),
        ({"sample": 1.5}, "less than or equal to 1"),
        ({"sample": float("nan")}, "finite"),
        ({"drop": ["user_id"]}, 'like "properties.card"'),
        ({"drop": ["properties"]}, 'like "properties.card"'),
        ({"hash": ["traits..email"]}, 'like "properties.card"'),
        ({"where": {"": 1}}, 'like "properties.plan"'),
        ({"where": {"plan": "pro"}}, 'like "properties.plan"'),
        ({"where": {"userId": "u-1"}}, 'or "user_id"'),
        ({"rename": {"properties.a": "traits.a"}}, "must begin with the same field"),
        ({"evnets": []}, "Extra inputs are not permitted"),
    ],
)
def test_wrong_settings(routing: Json, there: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=there):
        Routing(**routing)


def test_settings_of_the_environment() -> None:
    """Lists with commas or as JSON, objects as JSON; texts of a file stay texts."""
    settings = IntegrationSettings.model_validate(
        {
            "provider": "segment",
            "write_key": "k",
            "consent_categories": "Analytics, Ads",
            "routing": {
                "methods": "track, identify",
                "events": '["A, B", "C"]',
                "sample": "0.5",
                "rename": '{"traits.a": "traits.b"}',
                "where": {"properties.plan": "3"},
            },
        }
    )
    routing = settings.routing
    assert routing is not None
    assert settings.consent_categories == ("Analytics", "Ads")
    assert (routing.methods, routing.events) == (("track", "identify"), ("A, B", "C"))
    assert (routing.sample, routing.rename) == (0.5, {"traits.a": "traits.b"})
    assert routing.where == {"properties.plan": "3"}


def test_hashing_needs_a_key() -> None:
    integrations = {"segment": {"write_key": "k", "routing": {"hash": ["traits.email"]}}}

    with pytest.raises(pydantic.ValidationError, match=r"segment.routing.hash needs a key"):
        Settings(integrations=integrations)
    settings = Settings(integrations=integrations, user_hash_keys=("new", "old"))
    assert settings.deliverable().find("segment").route.hash_key == "new"


def test_the_example_of_the_documentation() -> None:
    """The settings of docs/routing.md, in a file and in the environment."""
    text = Path("docs/routing.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    toml = tomllib.loads(example.replace("…", "x"))
    variables = dict(re.findall(r"ROUTING__([A-Z]+)=[\"'](.*)[\"']\n", text))

    settings = Settings(**toml, user_hash_keys=("key",)).integrations["posthog"]
    assert settings.routing == Routing(
        methods=("track", "identify"),
        events=("Order *", "Signed Up"),
        where={"properties.plan": "pro"},
        sample=0.1,
        drop=("properties.card",),
        rename={"properties.total": "properties.revenue"},
        hash=("traits.email",),
    )
    read = read_routing({key.lower(): value for key, value in variables.items()})
    assert Routing(**read) == Routing(
        events=("Order *", "Signed Up"), where={"properties.plan": "pro"}
    )
