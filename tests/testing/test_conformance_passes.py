"""The checks of `ProviderConformance` accept providers whose vendors differ from others."""

# ruff: noqa: D102  # the functions of providers
import hashlib
import re
from datetime import datetime
from typing import ClassVar
from uuid import NAMESPACE_URL, uuid5

import pytest

from durable_analytics.errors import DeliveryError, Unavailable, ValidationError
from durable_analytics.providers import (
    BatchDelivery,
    BatchLimits,
    Delivery,
    HttpRequest,
    HttpResponse,
    JsonItems,
    Provider,
    builds,
)
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


_ORDER = ("track", {"user_id": "user-1", "event": "Order"})


class SendsOrdersApart(Acme):
    """Orders have an endpoint of their own, also for batches."""

    batch_limits: ClassVar = {**Acme.batch_limits, "orders": BatchLimits(20_000, 10)}

    def batch_key(self, method: str, message: Message) -> str | None:
        is_order = isinstance(message, Track) and message.event == "Order"
        return "orders" if is_order else super().batch_key(method, message)

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        return HttpRequest("POST", f"{self.base_url}/{batch.key}", JsonItems([*batch.items], "x"))


def test_a_batch_key_needs_a_sample() -> None:
    """Without one, nothing checks the batches of this key."""
    assert failing(SendsOrdersApart, more_samples=[_ORDER]) == set()
    assert failing(SendsOrdersApart) == {"batch_keys_have_limits", "slices_keep_to_the_limits"}


class ReversesOrders(SendsOrdersApart):
    """The batches of orders have a fault."""

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        items = [*reversed(batch.items)] if batch.key == "orders" else [*batch.items]
        return HttpRequest("POST", f"{self.base_url}/{batch.key}", JsonItems(items, "x"))


def test_the_batches_of_a_sample_of_the_vendors_own_are_checked() -> None:
    assert failing(ReversesOrders, more_samples=[_ORDER]) == {"a_batch_holds_its_messages_in_order"}


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
