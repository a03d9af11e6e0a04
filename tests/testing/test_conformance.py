"""The checks of `ProviderConformance` find what is wrong with a provider."""

# ruff: noqa: D101, D102  # the faults of the providers are their names
import os
import random
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

import pytest

from durable_analytics.errors import DeliveryError, Rejected
from durable_analytics.providers import (
    BatchDelivery,
    Delivery,
    HttpRequest,
    HttpResponse,
    JsonItems,
    Provider,
    builds,
)
from durable_analytics.wire.messages import Call, Group, JsonObject, Message, Track
from tests.support.acme import SURPLUS, Acme, failing


class DropsFields(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        self.refuse_fields(delivery)
        self.refuse_context(delivery)
        return delivery.given("message_id", "timestamp", "user_id", "event", "properties")


class DropsContext(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        self.refuse_fields(delivery, *SURPLUS)
        return delivery.given("message_id", "timestamp", "user_id", "event", "properties")


class DropsTime(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        return {k: v for k, v in super().item(delivery).items() if k != "timestamp"}


class DropsNulls(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        item = super().item(delivery)
        kept = {k: v for k, v in (item.get("properties") or {}).items() if v is not None}
        return {**item, "properties": kept}


class DropsAccents(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        item = super().item(delivery)
        properties = item.get("properties") or {}
        plain = {k: str(v).encode("ascii", "ignore").decode() for k, v in properties.items()}
        return {**item, "properties": plain} if properties else item


class SendsNoId(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        return {k: v for k, v in super().item(delivery).items() if k != "message_id"}


class SendsTheSameId(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        return {**super().item(delivery), "message_id": "message"}


class DropsTheEvent(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        return {k: v for k, v in super().item(delivery).items() if k != "event"}


class DropsThePerson(Acme):
    """The groups of the vendor have no persons, and the caller cannot see that."""

    @builds("group")
    def group(self, delivery: Delivery[Group]) -> HttpRequest:
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        return HttpRequest("POST", f"{self.base_url}/groups", delivery.given("group_id"))


class DeclaresNoId(Acme):
    message_id_fields: ClassVar = {}


class IsRandom(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        return {**super().item(delivery), "nonce": random.random()}  # noqa: S311


class ReadsFiles(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        with open(os.devnull) as file:  # noqa: PTH123
            return {**super().item(delivery), "file": file.read()}


class BuildsTheKeyIn(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        return {**super().item(delivery), "key": self.key.get_secret_value()}


class UndeclaredKey(Acme):
    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        del delivery_id, sent_at
        return request.with_query({"k": self.key.get_secret_value()})


class KeyInTheUrl(Acme):
    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        del delivery_id, sent_at
        url = f"{request.url}/{self.key.get_secret_value()}"
        return HttpRequest(request.method, url, request.body)


class ShowsTheKey(Acme):
    key: str  # type: ignore[assignment]

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        del delivery_id, sent_at
        return request.with_headers({"X-Acme-Key": self.key})


class ForgetsAHeader(Acme):
    """The header has the key in another form, which `secret_values` lacks."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        del delivery_id, sent_at
        return request.with_headers({"X-Acme-Key": self.key.get_secret_value()[::-1]})

    def secret_values(self) -> set[str]:
        return self.configured_secrets()


class ChangesTheUrl(Acme):
    """A quoted slash is not the end of a segment."""

    @builds("track")
    def track(self, delivery: Delivery[Track]) -> HttpRequest:
        return HttpRequest("POST", f"{self.base_url}/events%2Ftrack", self.item(delivery))

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        sent = super().authorize(request, delivery_id=delivery_id, sent_at=sent_at)
        return replace(sent, url=sent.url.replace("%2F", "/"))


class AuthorizesNothing(Acme):
    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        del delivery_id, sent_at
        return request


class UndeclaredCredentials(Acme):
    @builds("track")
    def track(self, delivery: Delivery[Track]) -> HttpRequest:
        url = f"{self.base_url}/events"
        return HttpRequest("POST", url, self.item(delivery), credentials="other")


class BadUrl(Acme):
    @builds("track")
    def track(self, delivery: Delivery[Track]) -> HttpRequest:
        return HttpRequest("POST", f"{self.base_url}/a b", self.item(delivery))


class TakesLongMessages(Acme):
    def build(self, delivery: Delivery[Message]) -> HttpRequest:
        return self.track(delivery) if delivery.method == "track" else super().build(delivery)  # type: ignore[arg-type]


class RetriesConflicts(Acme):
    def classify(self, response: HttpResponse) -> DeliveryError | None:
        return self.classify_status(503 if response.status_code == 409 else response.status_code)


class NeedsAnObject(Acme):
    def classify(self, response: HttpResponse) -> DeliveryError | None:
        if response.status_code == 200 and response.body:
            response.body.get("code")
        return self.classify_status(response.status_code)


class NamesTooMany(Acme):
    def classify_batch(self, response: HttpResponse, count: int) -> dict[int, DeliveryError]:
        return {} if response.status_code == 200 else {count: Rejected("Acme")}


class ReversesBatches(Acme):
    def batch(self, batch: BatchDelivery) -> HttpRequest:
        items = [*reversed(batch.items)]
        return HttpRequest("POST", f"{self.base_url}/batch", JsonItems(items, "events"))


class NestsItems(Acme):
    def batch(self, batch: BatchDelivery) -> HttpRequest:
        body = {"data": {"list": JsonItems([*batch.items], "events")}}
        return HttpRequest("POST", f"{self.base_url}/batch", body)


class HidesBytes(Acme):
    def batch(self, batch: BatchDelivery) -> HttpRequest:
        beside = {"counts": ["x" * 50] * len(batch.items)} if len(batch.items) > 1 else {}
        body = JsonItems([*batch.items], "events", beside)
        return HttpRequest("POST", f"{self.base_url}/batch", body)


class UnknownBatchKey(Acme):
    def batch_key(self, method: str, message: Message) -> str | None:
        del message
        return "others" if method == "track" else None


class OpenCall(Acme):
    def call(self, delivery: Delivery[Call]) -> HttpRequest:
        call = delivery.message
        self.refuse_fields(delivery, "integrations")
        self.refuse_context(delivery)
        url = f"{self.base_url}{call.path}"
        return HttpRequest(call.method, url, call.body, call.headers or {}, call.query or {})


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (
            DropsFields,
            {"strict_sends_or_refuses_each_field", "lenient_sends_or_names_each_field"},
        ),
        (DropsContext, {"strict_sends_or_refuses_each_field_of_the_context"}),
        (DropsTime, {"timestamp_is_sent_or_refused"}),
        (DropsNulls, {"keeps_nulls_and_every_character"}),
        (DropsAccents, {"keeps_nulls_and_every_character"}),
        (SendsNoId, {"sends_the_message_id", "a_batch_holds_its_messages_in_order"}),
        (SendsTheSameId, {"sends_the_message_id", "a_batch_holds_its_messages_in_order"}),
        (DropsTheEvent, {"keeps_the_required_fields"}),
        (
            DropsThePerson,
            {"keeps_the_required_fields", "strict_sends_or_refuses_each_field"},
        ),
        (DeclaresNoId, {"sends_the_message_id"}),
        (IsRandom, {"builds_the_same_request_again", "items_are_built_alike"}),
        (ReadsFiles, {"does_no_input_or_output"}),
        (
            BuildsTheKeyIn,
            {"requests_have_no_credentials_before_they_are_sent", "items_are_built_alike"},
        ),
        (UndeclaredKey, {"credentials_stand_where_they_are_declared"}),
        (KeyInTheUrl, {"credentials_stand_where_they_are_declared", "authorize_only_adds"}),
        (ShowsTheKey, {"credentials_are_not_shown"}),
        (ForgetsAHeader, {"what_is_sent_is_masked_when_it_comes_back"}),
        (ChangesTheUrl, {"authorize_only_adds"}),
        (AuthorizesNothing, {"credentials_stand_where_they_are_declared"}),
        (UndeclaredCredentials, {"builds_a_valid_request_for_each_method"}),
        (BadUrl, {"builds_a_valid_request_for_each_method"}),
        (TakesLongMessages, {"refuses_a_message_over_the_limit"}),
        (RetriesConflicts, {"decides_by_status"}),
        (NeedsAnObject, {"survives_any_body"}),
        (NamesTooMany, {"survives_any_body"}),
        (ReversesBatches, {"a_batch_holds_its_messages_in_order"}),
        (NestsItems, {"a_batch_holds_its_messages_in_order"}),
        (HidesBytes, {"slices_keep_to_the_limits"}),
        (UnknownBatchKey, {"batch_keys_have_limits"}),
        (OpenCall, {"callers_cannot_set_credentials"}),
    ],
)
def test_finds_what_is_wrong(provider: type[Provider], expected: set[str]) -> None:
    """At least these checks fail."""
    assert failing(provider) >= expected


def test_it_needs_no_pytest_to_be_imported() -> None:
    code = "import sys, durable_analytics.testing; sys.exit('pytest' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
