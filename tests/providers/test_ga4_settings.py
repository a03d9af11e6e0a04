"""Google Analytics 4's settings: the stream, its secret and the regions."""

import pytest

from tests.providers.building import (
    SENT_AT,
    account,
    built,
    refusal,
)
from tests.support.goldens.ga4 import BASE, GA4, PERSON


@pytest.mark.parametrize(
    ("region", "base_url"),
    [("us", BASE), ("eu", "https://region1.google-analytics.com")],
)
def test_a_region_has_its_address(region: str, base_url: str) -> None:
    regional = account("ga4", measurement_id="G-1", api_secret="s", region=region)

    assert regional.base_url == base_url


def test_the_stream_and_its_secret_are_in_the_query_that_is_sent() -> None:
    """The request without credentials, and all texts, do not show the secret."""
    request = built(GA4, "track", {**PERSON, "event": "E"})
    sent = GA4.authorize(request, delivery_id="m-1", sent_at=SENT_AT)

    assert sent.query == {"measurement_id": "G-A1B2C3D4E5", "api_secret": "ga4-secret"}
    assert (request.query, sent.url) == ({}, f"{BASE}/mp/collect")
    assert "ga4-secret" not in f"{sent!r} {sent} {GA4!r}"


@pytest.mark.parametrize("name", ["api_secret", "apiSecret", "measurement_id"])
def test_a_call_cannot_set_the_credentials(name: str) -> None:
    call = {"method": "POST", "path": "/mp/collect", "query": {name: "x"}}

    assert refusal(GA4, "call", call) == {
        f"call.query.{name}": "is a credential and must not be in an input; "
        "for another API key, configure another integration"
    }


@pytest.mark.parametrize("value", ["", "G 1", "G-1&x=y", "Ü"])
def test_an_invalid_measurement_id_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="must be the id of a web stream"):
        account("ga4", measurement_id=value, api_secret="s")


def test_identify_and_screen_are_not_supported() -> None:
    """A web stream has no screens, and the protocol has only events."""
    assert GA4.methods() == ["track", "group", "page", "call"]
