"""The checks of `ProviderConformance` accept providers whose vendors differ from others."""

# ruff: noqa: D102  # the functions of providers
import hashlib
import re
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

import pytest

from durable_analytics.errors import DeliveryError, Unavailable, ValidationError
from durable_analytics.providers import Delivery, HttpRequest, HttpResponse, Provider, builds
from durable_analytics.wire.messages import Group, JsonObject, Message, Track
from tests.support.acme import Acme, failing


class HashesTheId(Acme):
    """The vendor accepts only UUIDs as ids."""

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        item = super().item(delivery)
        return {**item, "message_id": str(uuid5(NAMESPACE_URL, item["message_id"]))}


class Signs(Acme):
    """A signature of the request is no credential."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        del delivery_id
        signed = f"{self.key.get_secret_value()}{sent_at}".encode() + (request.content() or b"")
        time = str(int(sent_at.timestamp()))
        signature = hashlib.sha256(signed).hexdigest()
        return request.with_headers({"X-Acme-Key": signature, "X-Amz-Date": time})

    def secret_values(self) -> set[str]:
        return self.configured_secrets()


class HasNoPersons(Acme):
    """Groups of the vendor have no persons: the output names the ids, which a group must have."""

    @builds("group")
    def group(self, delivery: Delivery[Group]) -> HttpRequest:
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        delivery.left_out.update(delivery.given("user_id", "anonymous_id"))
        return HttpRequest("POST", f"{self.base_url}/groups", delivery.given("group_id"))


class LimitsNames(Acme):
    """The names of events have letters, digits and spaces."""

    @builds("track")
    def track(self, delivery: Delivery[Track]) -> HttpRequest:
        if not re.fullmatch(r"[\w ]+", delivery.message.event):
            raise ValidationError.at("track.event", "must have letters, digits and spaces")
        return HttpRequest("POST", f"{self.base_url}/events", self.item(delivery))


@pytest.mark.parametrize("provider", [Acme, HashesTheId, Signs, HasNoPersons, LimitsNames])
def test_a_good_provider_passes(provider: type[Provider]) -> None:
    assert failing(provider) == set()


class ConflictsAreTemporary(Acme):
    """409 is not final at this vendor."""

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        return self.classify_status(503 if response.status_code == 409 else response.status_code)


def test_a_declared_status_is_accepted() -> None:
    assert failing(ConflictsAreTemporary, statuses={409: Unavailable}) == set()


def test_a_sample_of_the_vendors_own() -> None:
    """It takes the place of ours."""
    samples = {"track": {"user_id": "user-1", "event": "E", "properties": {"plan": "pro"}}}

    assert failing(Acme, samples=samples) == set()
