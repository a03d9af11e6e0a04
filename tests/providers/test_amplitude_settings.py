"""Amplitude's settings: keys, regions, the shortest id and the group type."""

import pydantic
import pytest

from durable_analytics.errors import (
    UnsupportedMethod,
)
from durable_analytics.providers import JsonItems
from durable_analytics.providers.amplitude import Amplitude
from tests.providers.building import (
    SENT_AT,
    account,
    built,
    delivery_of,
    refusal,
)
from tests.support.goldens.amplitude import AMPLITUDE, BASIC, TRACK, USER
from tests.support.json_objects import Json


def test_the_api_key_is_sent_in_the_body() -> None:
    """This applies to events, forms and calls; the key is never in the URL."""
    for method, message in (
        ("track", TRACK),
        ("alias", {"previous_user_id": "device-1", "new_user_id": "user-1"}),
        ("call", {"method": "POST", "path": "/x", "body": {"a": 1}}),
    ):
        request = built(AMPLITUDE, method, message)
        sent = AMPLITUDE.authorize(request, delivery_id="m-1", sent_at=SENT_AT)

        assert b"amplitude-key" in (sent.content() or b"")
        assert "amplitude-key" not in f"{request.content()!r}{sent.url}{sent.query}{sent!r}"


@pytest.mark.parametrize("call", [{"method": "GET"}, {"method": "POST", "body": [1]}])
def test_a_call_without_keys_in_its_body_has_basic_authentication(call: Json) -> None:
    request = built(AMPLITUDE, "call", {"path": "/x", **call})

    sent = AMPLITUDE.authorize(request, delivery_id="m-1", sent_at=SENT_AT)

    assert (sent.headers, sent.body) == (BASIC, request.body)


@pytest.mark.parametrize(
    ("region", "urls"),
    [
        (
            "us",
            (
                "https://api2.amplitude.com/2/httpapi",
                "https://api.amplitude.com/usermap",
                "https://amplitude.com/api/2/deletions/users",
            ),
        ),
        (
            "eu",
            (
                "https://api.eu.amplitude.com/2/httpapi",
                "https://api.eu.amplitude.com/usermap",
                "https://analytics.eu.amplitude.com/api/2/deletions/users",
            ),
        ),
    ],
)
def test_a_region_has_its_own_addresses(region: str, urls: tuple[str, ...]) -> None:
    provider = account("amplitude", api_key="k", secret_key="s", region=region)
    alias = {"previous_user_id": "device-1", "new_user_id": "user-1"}

    messages = (("track", TRACK), ("alias", alias), ("delete", USER))
    assert tuple(built(provider, *message).url for message in messages) == urls


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError) as refused:
        account("amplitude", api_key="k", region="mars")

    assert [error["loc"] for error in refused.value.errors()] == [("region",)]


def test_deletion_needs_the_secret_key() -> None:
    with pytest.raises(UnsupportedMethod) as refused:
        built(account("amplitude", api_key="k"), "delete", USER)

    assert str(refused.value) == (
        "Amplitude does not support delete; it supports identify, track, group, alias, page, "
        "screen, call; to use delete, set secret_key of the integration"
    )


def test_the_shortest_id_is_a_setting() -> None:
    """The option is sent to Amplitude, also in a form."""
    provider = account("amplitude", api_key="k", min_id_length=2)

    tracked = built(provider, "track", {"event": "E", "user_id": "ab"})
    alias = built(provider, "alias", {"previous_user_id": "ab", "new_user_id": "cd"})

    assert isinstance(tracked.body, JsonItems)
    assert tracked.body.beside == {"options": {"min_id_length": 2}}
    assert alias.body.fields["options"] == '{"min_id_length":2}'
    assert (
        "fewer than 2"
        in refusal(provider, "track", {"event": "E", "user_id": "a"})["track.user_id"]
    )


def test_the_group_type_is_a_setting() -> None:
    provider = account("amplitude", api_key="k", group_type="company")
    assert isinstance(provider, Amplitude)

    sent = provider.item(delivery_of(provider, "track", {**TRACK, "company_id": "g-1"}))

    assert sent["groups"] == {"company": "g-1"}
