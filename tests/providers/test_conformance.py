"""Our providers pass the checks that we offer to others'."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from durable_analytics.errors import Unavailable
from durable_analytics.providers import Provider, provider_class, provider_names
from durable_analytics.testing import VENDORS, ProviderConformance
from durable_analytics.testing.conformance._samples import CONTEXT, FULL, LEAST
from durable_analytics.wire.messages import Context
from durable_analytics.wire.methods import METHODS
from tests.providers.building import account


def account_at_standin(name: str) -> Provider:
    """An account with the credentials of the stand-in."""
    settings = VENDORS[name].integration_settings(f"https://standin.example.com/{name}")
    return account(name, **settings)


ORDER = {
    "user_id": "user-1",
    "event": "Order Completed",
    "properties": {
        "currency": "EUR",
        "revenue": 19.99,
        "products": [{"product_id": "product-1", "price": 19.99, "quantity": 1}],
    },
}


class TestJourny(ProviderConformance):
    """journy.io."""

    provider = account_at_standin("journy")
    vendor = VENDORS["journy"]


class TestRudderStack(ProviderConformance):
    """RudderStack."""

    provider = account_at_standin("rudderstack")
    vendor = VENDORS["rudderstack"]


class TestSegment(ProviderConformance):
    """Segment."""

    provider = account_at_standin("segment")
    vendor = VENDORS["segment"]


class TestTrakio(ProviderConformance):
    """Trak.io."""

    provider = account_at_standin("trakio")
    vendor = VENDORS["trakio"]


class TestTrophy(ProviderConformance):
    """Trophy."""

    provider = account_at_standin("trophy")
    vendor = VENDORS["trophy"]
    statuses: ClassVar = {409: Unavailable}


class TestAmplitude(ProviderConformance):
    """Amplitude."""

    provider = account_at_standin("amplitude")
    vendor = VENDORS["amplitude"]


class TestArchive(ProviderConformance):
    """The archive."""

    provider = account_at_standin("archive")
    vendor = VENDORS["archive"]


class TestBraze(ProviderConformance):
    """Braze."""

    provider = account_at_standin("braze")
    vendor = VENDORS["braze"]
    more_samples: ClassVar = [("track", ORDER)]  # becomes a purchase, not an event


class TestCustomerIo(ProviderConformance):
    """Customer.io."""

    provider = account_at_standin("customerio")
    vendor = VENDORS["customerio"]


class TestGoogleAnalytics4(ProviderConformance):
    """Google Analytics 4."""

    provider = account_at_standin("ga4")
    vendor = VENDORS["ga4"]
    # Only an order has the message id, as its transaction id: `message_id_fields` has no method.
    samples: ClassVar = {"track": {"user_id": "user-1", "event": "Lesson Started"}}
    more_samples: ClassVar = [("track", ORDER)]


class TestMixpanel(ProviderConformance):
    """Mixpanel."""

    provider = account_at_standin("mixpanel")
    vendor = VENDORS["mixpanel"]
    more_samples: ClassVar = [  # merges two ids instead of changing a profile
        ("identify", {"user_id": "user-1", "anonymous_id": "anonymous-1"})
    ]


class TestPostHog(ProviderConformance):
    """PostHog."""

    provider = account_at_standin("posthog")
    vendor = VENDORS["posthog"]
    # The capture API needs no key to read: these calls need one.
    samples: ClassVar = {"call": {"method": "GET", "path": "/api/projects/17/persons/"}}
    more_samples: ClassVar = [("call", {"method": "POST", "path": "/flags/", "body": {}})]


class TestWebhook(ProviderConformance):
    """The webhook."""

    provider = account_at_standin("webhook")
    vendor = VENDORS["webhook"]


CANNOT_APPLY: Mapping[tuple[type[ProviderConformance], str], str] = {
    (TestGoogleAnalytics4, "the_provider_recognises_wrong_credentials"): (
        "Google responds with 204 to a wrong secret, as it does to a right one."
    ),
}
"""Why a check is switched off, by the case and the check."""

for case, check in CANNOT_APPLY:
    setattr(case, f"test_{check}", None)


@pytest.mark.parametrize(("case", "check"), CANNOT_APPLY)
def test_what_is_switched_off_would_fail(case: type[ProviderConformance], check: str) -> None:
    """A check that passes must be switched on."""
    original = getattr(ProviderConformance, f"test_{check}")

    with pytest.raises(AssertionError):
        original(case())


def test_every_registered_provider_is_checked() -> None:
    checked = {type(case.provider) for case in ProviderConformance.__subclasses__()}

    assert {provider_class(name) for name in provider_names()} <= checked


def test_the_samples_are_complete() -> None:
    """Each method has them, with every field that its message has."""
    assert LEAST.keys() == FULL.keys() == METHODS.keys()
    for method, message in FULL.items():
        assert message.keys() == METHODS[method].message.model_fields.keys()
    assert CONTEXT.keys() == Context.model_fields.keys()
