"""Mixpanel's settings: tokens, service accounts and regions."""

import json

import pydantic
import pytest

from durable_analytics.errors import UnsupportedMethod
from durable_analytics.providers import HttpRequest, JsonItems
from tests.providers.building import SENT_AT, account, built
from tests.support.goldens.mixpanel import MIXPANEL, TRACK, USER, authorized
from tests.support.json_objects import Json


@pytest.mark.parametrize(
    ("method", "message", "key"),
    [
        ("identify", {**USER, "traits": {"a": 1}}, "$token"),
        ("group", {**USER, "group_id": "g-1"}, "$token"),
        ("alias", {"previous_user_id": "a-1", "new_user_id": "u-1"}, "token"),
        ("identify", {**USER, "anonymous_id": "a-1"}, "token"),
    ],
)
def test_the_token_is_added_to_each_item(method: str, message: Json, key: str) -> None:
    """`authorize` inserts the token into items that are already serialized."""
    request = built(MIXPANEL, method, message)
    double = HttpRequest(
        request.method,
        request.url,
        JsonItems([*request.body.items] * 2),
        credentials=request.credentials,
    )

    sent = json.loads(authorized(double).content() or b"")

    assert len(sent) == 2
    for item in sent:
        assert item.get("properties", item).pop(key) == "mixpanel-token"
    assert sent == [json.loads(item) for item in double.body.items]
    assert authorized(double).headers == {}


def test_a_deletion_has_the_masked_project_token_in_its_query() -> None:
    """`repr` and the URL do not show the token."""
    request = built(MIXPANEL, "delete", USER)

    assert authorized(request).query == {"token": "mixpanel-token"}
    assert "mixpanel-token" not in f"{request!r}{authorized(request)!r}{authorized(request).url}"


def test_without_a_service_account_the_project_token_authorizes() -> None:
    """It is the user of Basic authentication, with an empty password: `t:`."""
    provider = account("mixpanel", project_token="t")

    request = built(provider, "track", TRACK)
    sent = provider.authorize(request, delivery_id="m-1", sent_at=SENT_AT)

    assert sent.headers == {"Authorization": "Basic dDo="}
    assert request.query == {"strict": 1}


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"project_id": "1"}, "service_account_username, service_account_secret"),
        (
            {"service_account_username": "u", "service_account_secret": "s"},
            "project_id",
        ),
    ],
)
def test_an_incomplete_service_account_names_the_missing_settings(
    settings: Json, missing: str
) -> None:
    with pytest.raises(pydantic.ValidationError, match=f"also needs {missing}"):
        account("mixpanel", project_token="t", **settings)


@pytest.mark.parametrize(
    ("region", "api", "app"),
    [
        ("us", "https://api.mixpanel.com", "https://mixpanel.com"),
        ("eu", "https://api-eu.mixpanel.com", "https://eu.mixpanel.com"),
        ("in", "https://api-in.mixpanel.com", "https://in.mixpanel.com"),
    ],
)
def test_each_region_has_its_own_hosts(region: str, api: str, app: str) -> None:
    provider = account("mixpanel", project_token="t", gdpr_token="g", region=region)

    assert built(provider, "track", TRACK).url == f"{api}/import"
    assert built(provider, "delete", USER).url == f"{app}/api/app/data-deletions/v3.0/"


def test_delete_without_a_gdpr_token_is_unsupported() -> None:
    """The error names the setting that is missing."""
    with pytest.raises(UnsupportedMethod, match="to use delete, set gdpr_token of the integration"):
        built(account("mixpanel", project_token="t"), "delete", USER)
