"""PostHog's settings: keys, regions, the private API and the type of groups."""

import pydantic
import pytest

from durable_analytics.errors import UnsupportedMethod
from tests.providers.building import (
    SENT_AT,
    account,
    built,
    refusal,
)
from tests.support.goldens.posthog import API, BASE, PERSONAL, POSTHOG, TRACK, item
from tests.support.json_objects import Json


def test_the_api_key_is_only_in_the_body() -> None:
    request = built(POSTHOG, "track", TRACK)

    sent = POSTHOG.authorize(request, delivery_id="m-1", sent_at=SENT_AT)

    assert sent.body == {**request.body, "api_key": "phc_key"}
    assert (sent.url, sent.headers, sent.query) == (request.url, {}, {})


def test_an_import_is_marked() -> None:
    provider = account("posthog", project_api_key="k", historical_migration=True)

    request = built(provider, "track", TRACK)

    assert request.url == f"{BASE}/batch/"
    assert request.body == {"historical_migration": True, "batch": [item("track", TRACK)]}


@pytest.mark.parametrize(
    ("settings", "capture", "private"),
    [
        ({}, BASE, "https://us.posthog.com"),
        ({"region": "eu"}, "https://eu.i.posthog.com", "https://eu.posthog.com"),
        ({"base_url": "http://x/e/", "api_url": "http://x/"}, "http://x/e", "http://x"),
    ],
)
def test_the_region_sets_the_urls(settings: Json, capture: str, private: str) -> None:
    provider = account(
        "posthog", project_api_key="k", personal_api_key="p", project_id="3", **settings
    )

    assert built(provider, "track", TRACK).url == f"{capture}/i/v0/e/"
    assert built(provider, "delete", {"user_id": "u"}).url == (
        f"{private}/api/projects/3/persons/bulk_delete/"
    )


@pytest.mark.parametrize("region", ["EU", "", 1, None])
def test_a_wrong_region_is_the_only_problem(region: object) -> None:
    with pytest.raises(pydantic.ValidationError) as refused:
        account("posthog", project_api_key="k", region=region)

    assert [error["loc"] for error in refused.value.errors()] == [("region",)]


@pytest.mark.parametrize("method", ["delete", "annotate"])
@pytest.mark.parametrize("settings", [{}, {"personal_api_key": "p"}, {"project_id": 1}])
def test_the_private_api_needs_settings_of_its_own(method: str, settings: Json) -> None:
    provider = account("posthog", project_api_key="k", **settings)

    with pytest.raises(UnsupportedMethod) as refused:
        built(provider, method, {"user_id": "u-1", "event": "E"})
    assert str(refused.value) == (
        f"PostHog does not support {method}; it supports identify, track, group, alias, page, "
        "screen, call; "
        f"to use {method}, set personal_api_key and project_id of the integration"
    )


def test_an_unknown_method_has_no_hint_about_settings() -> None:
    with pytest.raises(UnsupportedMethod, match=r"annotate, call$"):
        built(POSTHOG, "metric", {})


def test_a_call_below_api_goes_to_the_private_api() -> None:
    """The request has the personal API key, and not the project's API key."""
    request = built(POSTHOG, "call", {"method": "POST", "path": "api/projects/17/x", "body": {}})
    sent = POSTHOG.authorize(request, delivery_id="m-1", sent_at=SENT_AT)

    assert (sent.url, sent.body) == (f"{API}/x", {})
    assert sent.headers == PERSONAL
    errors = refusal(
        account("posthog", project_api_key="k"), "call", {"method": "GET", "path": "/api/users/@me"}
    )
    assert errors == {"call.path": "is in the private API: set the integration's personal_api_key"}


def test_a_call_without_an_object_as_body_stays_as_it_is() -> None:
    request = built(POSTHOG, "call", {"method": "GET", "path": "/array/phc/config"})

    assert POSTHOG.authorize(request, delivery_id="m-1", sent_at=SENT_AT) == request


@pytest.mark.parametrize("key", ["api_key", "token", "apiKey", "personal_api_key"])
def test_a_caller_cannot_set_the_key(key: str) -> None:
    assert refusal(POSTHOG, "track", TRACK, request_options={"body": {key: "x"}}) == {
        f"request_options.body.{key}": "is a credential and must not be in an input; "
        "for another API key, configure another integration"
    }


def test_the_type_of_groups_is_a_setting() -> None:
    provider = account("posthog", project_api_key="k", group_type="team")

    group = built(provider, "group", {"user_id": "u", "group_id": "g"}).body["properties"]
    track = built(provider, "track", {**TRACK, "company_id": "g"}).body["properties"]

    assert (group["$group_type"], track["$groups"]) == ("team", {"team": "g"})
