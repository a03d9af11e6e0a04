"""What the tests of providers share: accounts, inputs read as the product reads them, goldens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from durable_analytics.delivery.preparation import restore
from durable_analytics.errors import ValidationError
from durable_analytics.providers import Delivery, HttpRequest, Provider, provider_class
from durable_analytics.wire.keys import normalise
from durable_analytics.wire.messages import Message
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.parsing import read_input
from tests.support.json_objects import Json

SENT_AT = datetime(2026, 1, 31, 9, 30, 1, 250_000, tzinfo=UTC)
SENT = "2026-01-31T09:30:01.250Z"
"""The time of the attempt, as Segment-compatible providers get it."""

COMMON: Json = {"message_id": "m-1", "timestamp": "2026-01-31T09:30:00Z"}
"""What Validation fills in where a message has none."""


def account(name: str, **settings: object) -> Provider:
    """An account at a provider, from the settings of an integration."""
    return provider_class(name).model_validate(settings)


ACCOUNTS: Mapping[str, Provider] = {
    "braze": account("braze", api_key="braze-key", base_url="https://rest.iad-01.braze.com"),
    "customerio": account("customerio", site_id="customerio-site", api_key="customerio-key"),
    "ga4": account("ga4", measurement_id="G-A1B2C3D4E5", api_secret="ga4-secret"),
    "amplitude": account("amplitude", api_key="amplitude-key", secret_key="amplitude-secret"),
    "journy": account("journy", write_key="journy-key"),
    "mixpanel": account(
        "mixpanel",
        project_token="mixpanel-token",
        project_id="2195193",
        service_account_username="mixpanel-account",
        service_account_secret="mixpanel-secret",
        gdpr_token="mixpanel-gdpr",
    ),
    "archive": account(
        "archive",
        bucket="shop-messages",
        region="eu-central-1",
        access_key_id="AKIAEXAMPLE",
        secret_access_key="archive-secret",
        prefix="analytics/raw",
    ),
    "posthog": account(
        "posthog", project_api_key="phc_key", personal_api_key="phx_key", project_id=17
    ),
    "rudderstack": account(
        "rudderstack", write_key="rudder-key", base_url="https://shop.dataplane.example.com"
    ),
    "segment": account("segment", write_key="segment-key", public_api_token="segment-token"),
    "trakio": account("trakio", token="trakio-token"),
    "trophy": account("trophy", api_key="trophy-key"),
    "webhook": account(
        "webhook",
        url="https://hooks.example.com/analytics/",
        secrets=[
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_" + "YW5vdGhlci1zZWNyZXQtb2YtYnl0ZXMtLXg=",
        ],
    ),
}
"""An account at each provider that we ship."""


def delivery_of(
    provider: Provider, method: str, message: Json, *, sent_at: datetime = SENT_AT, **input: Any
) -> Delivery[Message]:
    """The delivery of an input, read as Validation and Request read it."""
    envelope, fields = read_input(
        METHODS[method], normalise(METHODS[method], {method: message, **input})
    )
    filled_in = provider.fill_in(method, fields.fields)
    filled_in |= {name: value for name, value in COMMON.items() if name not in fields.fields}
    return restore(provider, fields, envelope, filled_in, sent_at)


def built(provider: Provider, method: str, message: Json, **input: Any) -> HttpRequest:
    """The request of an input."""
    return provider.build(delivery_of(provider, method, message, **input))


def refusal(provider: Provider, method: str, message: Json, **input: Any) -> Mapping[str, str]:
    """What is said of each wrong field of an input that must be refused, by its path."""
    with pytest.raises(ValidationError) as refused:
        built(provider, method, message, **input)
    return {problem.path: problem.message for problem in refused.value.fields}


@dataclass(frozen=True)
class Golden:
    """A message, and the request that it becomes."""

    method: str
    extent: Literal["full", "least"]
    """Whether it has every field that the provider takes, or no more than it must have."""

    message: Json
    request: HttpRequest
    authorization: Mapping[str, str]
    context: Json = field(default_factory=dict)


def added_headers(provider: Provider, credentials: str = "") -> Mapping[str, str]:
    """The headers that carry the credentials of a request."""
    blank = HttpRequest("POST", provider.base_url, {}, credentials=credentials)
    return provider.authorize(blank, delivery_id="m-1", sent_at=SENT_AT).headers


def calls(base_url: str, authorization: Mapping[str, str]) -> list[Golden]:
    """The rows of the method that is the same at every provider."""
    full = {
        "method": "PUT",
        "path": "/things/1",
        "query": {"page": 2, "tag": ["a", "b"]},
        "headers": {"X-Trace": "t-1"},
        "body": {"name": None},
        **COMMON,
    }
    put = HttpRequest(
        "PUT",
        f"{base_url}/things/1",
        {"name": None},
        {"X-Trace": "t-1"},
        {"page": 2, "tag": ["a", "b"]},
    )
    least = {"method": "GET", "path": "things"}
    get = HttpRequest("GET", f"{base_url}/things")
    return [
        Golden("call", "full", full, put, authorization),
        Golden("call", "least", least, get, authorization),
    ]
