"""What the tests of providers share: accounts, inputs read as the product reads them, goldens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import pytest

from activities.preparing import prepare
from durable_analytics.contract import METHODS
from durable_analytics.errors import ValidationError
from durable_analytics.integrations import Integration
from durable_analytics.messages import Message
from durable_analytics.providers import Delivery, HttpRequest, Provider, provider_class
from durable_analytics.reading import normalise
from tests.conftest import Json

SENT_AT = datetime(2026, 1, 31, 9, 30, 1, 250_000, tzinfo=UTC)
SENT = "2026-01-31T09:30:01.250Z"
"""The time of the attempt, as Segment-compatible providers get it."""

COMMON: Json = {"message_id": "m-1", "timestamp": "2026-01-31T09:30:00Z"}
"""What Validation fills in where a message has none."""


def account(name: str, **settings: object) -> Provider:
    """An account at a provider, from the settings of an integration."""
    return provider_class(name).model_validate(settings)


ACCOUNTS: Mapping[str, Provider] = {
    "journy": account("journy", write_key="journy-key"),
    "rudderstack": account(
        "rudderstack", write_key="rudder-key", base_url="https://shop.dataplane.example.com"
    ),
    "segment": account("segment", write_key="segment-key", public_api_token="segment-token"),
    "trakio": account("trakio", token="trakio-token"),
    "trophy": account("trophy", api_key="trophy-key"),
}
"""An account at each provider that we ship."""


def delivery_of(
    provider: Provider, method: str, message: Json, **input: object
) -> Delivery[Message]:
    """The delivery of an input, read as Validation and Request read it."""
    data = normalise(METHODS[method], {method: message, **input})
    given = data[method]
    filled_in = provider.fill_in(method, given)
    filled_in |= {name: value for name, value in COMMON.items() if name not in given}
    integration = Integration("tested", provider)
    return prepare(METHODS[method], data, integration, filled_in).delivery


def built(provider: Provider, method: str, message: Json, **input: object) -> HttpRequest:
    """The request of an input."""
    return provider.build(delivery_of(provider, method, message, **input), SENT_AT)


def refusal(provider: Provider, method: str, message: Json, **input: object) -> Mapping[str, str]:
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
