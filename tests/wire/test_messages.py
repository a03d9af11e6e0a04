"""What a timestamp and a URL may look like."""

import pydantic
import pytest

from durable_analytics.errors import ValidationError
from durable_analytics.providers import Delivery, provider_class
from durable_analytics.wire.messages import Call, Track
from tests.providers.building import SENT_AT


@pytest.mark.parametrize(
    "timestamp",
    [
        "2026-01-31",
        "2026-01-31T09:30",
        "2026-01-31 09:30:00Z",
        "2026-01-31T09:30:00.123456+05:30",
        "2026-01-31T09:30:00,5-0800",
    ],
)
def test_iso_8601_is_taken(timestamp: str) -> None:
    """In the forms that providers read."""
    assert Track(user_id="u", event="e", timestamp=timestamp).timestamp


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        "1769850600",
        "2026-01-31x09:30:00Z",
        "2026-01-31\x0009:30:00Z",
        "2026-01-31T09:30:00 +00:00",
        "2026-W05-6T09:30Z",
        "2026-02-30",
        "2026-01-31T25:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-01-31",
    ],
)
def test_anything_else_is_not(timestamp: str) -> None:
    """Python's own reader takes some of these."""
    with pytest.raises(pydantic.ValidationError):
        Track(user_id="u", event="e", timestamp=timestamp)


@pytest.mark.parametrize(
    "url",
    [
        "http://exa mple.com",
        "http://a..b",
        f"http://{'a' * 64}.com",
        "http://ex\tample.com",
        "https://*.example.com",
        "https://example.com:port",
        "ftp://example.com",
        "example.com",
    ],
)
def test_a_base_url_can_be_reached(url: str) -> None:
    """As far as its spelling tells: the rest would be retried until the policy runs out."""
    with pytest.raises(pydantic.ValidationError):
        provider_class("trophy").model_validate({"api_key": "k", "base_url": url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8090/a", "http://[::1]:80", "http://my_host"])
def test_addresses_are_base_urls(url: str) -> None:
    """Of either family, and names as container networks have them."""
    provider = provider_class("trophy").model_validate({"api_key": "k", "base_url": url})

    assert provider.base_url == url


@pytest.mark.parametrize(
    "call",
    [
        Call(method="GET", path="/" + "a" * 40_000),
        Call(method="GET", path="/a", query={"q": "é" * 10_000}),
    ],
)
def test_a_url_has_an_end(call: Call) -> None:
    """Longer ones would never be sent."""
    trophy = provider_class("trophy").model_validate({"api_key": "k"})

    with pytest.raises(
        ValidationError, match="the URL of the request has more than 32768 characters"
    ):
        trophy.build(Delivery("call", call, SENT_AT))
