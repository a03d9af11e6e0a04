"""The checks of `ProviderConformance` find what is wrong with a provider, and nothing else."""

# ruff: noqa: D101, D102  # the faults of the providers are their names
import hashlib
import os
import random
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, uuid5

import pytest

from durable_analytics.errors import DeliveryError, Rejected, Unavailable
from durable_analytics.providers import (
    BaseUrl,
    BatchDelivery,
    BatchLimits,
    Credential,
    Delivery,
    HttpRequest,
    HttpResponse,
    JsonItems,
    Provider,
    builds,
)
from durable_analytics.testing import ProviderConformance
from durable_analytics.wire.messages import Call, JsonObject, Message, Track

SURPLUS = ("anonymous_id", "traits", "channel", "company_id", "integrations")


class Acme(Provider):
    """A provider without a fault, which the others inherit from."""

    title: ClassVar = "Acme"
    timestamped_methods: ClassVar = frozenset({"track"})
    message_id_fields: ClassVar = {"track": "message_id"}
    message_limit_bytes: ClassVar = 10_000
    credential_names: ClassVar = frozenset({"x-acme-key", "key"})
    batch_limits: ClassVar = {"events": BatchLimits(body_bytes=20_000, messages=10)}

    base_url: BaseUrl = "https://acme.example.com"
    key: Credential

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        del delivery_id, sent_at
        return request.with_headers({"X-Acme-Key": self.key.get_secret_value()})

    @builds("track")
    def track(self, delivery: Delivery[Track]) -> HttpRequest:
        return HttpRequest("POST", f"{self.base_url}/events", self.item(delivery))

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        self.refuse_fields(delivery, *SURPLUS)
        self.refuse_context(delivery)
        return delivery.given("message_id", "timestamp", "user_id", "event", "properties")

    def batch_key(self, method: str, message: Message) -> str | None:
        del message
        return "events" if method == "track" else None

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        return HttpRequest("POST", f"{self.base_url}/batch", JsonItems([*batch.items], "events"))


def failing(provider: type[Provider], **declared: Any) -> set[str]:
    """The checks that a provider does not pass, without `test_`."""
    case_class = type(
        "Case", (ProviderConformance,), {"provider": provider.model_validate({"key": "acme-key-1"})}
    )
    case = case_class()
    for name, value in declared.items():
        setattr(case, name, value)
    names = [name for name in dir(case_class) if name.startswith("test_")]
    failed = set()
    for name in names:
        try:
            getattr(case, name)()
        except Exception:  # noqa: BLE001  # a check that ends so has failed, too
            failed.add(name.removeprefix("test_"))
    return failed


def test_a_good_provider_passes() -> None:
    assert failing(Acme) == set()


def test_signatures_pass() -> None:
    assert failing(Signs) == set()


def test_an_id_that_is_computed_from_the_message_id_passes() -> None:
    assert failing(HashesTheId) == set()


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


class HashesTheId(Acme):
    """The vendor accepts only UUIDs as ids. This is no fault."""

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        item = super().item(delivery)
        return {**item, "message_id": str(uuid5(NAMESPACE_URL, item["message_id"]))}


class SendsTheSameId(Acme):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        return {**super().item(delivery), "message_id": "message"}


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


class Signs(ForgetsAHeader):
    """A signature over the request is no credential. This is no fault."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        del delivery_id
        signed = f"{self.key.get_secret_value()}{sent_at}".encode() + (request.content() or b"")
        time = str(int(sent_at.timestamp()))
        signature = hashlib.sha256(signed).hexdigest()
        return request.with_headers({"X-Acme-Key": signature, "X-Amz-Date": time})


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
        (HidesBytes, {"slices_keep_to_the_limits"}),
        (UnknownBatchKey, {"batch_keys_have_limits"}),
        (OpenCall, {"callers_cannot_set_credentials"}),
    ],
)
def test_finds_what_is_wrong(provider: type[Provider], expected: set[str]) -> None:
    """At least these checks fail."""
    assert failing(provider) >= expected


def test_a_declared_status_is_accepted() -> None:
    assert failing(RetriesConflicts, statuses={409: Unavailable}) == set()


def test_a_sample_of_the_vendors_own() -> None:
    """It takes the place of ours."""
    samples = {"track": {"user_id": "user-1", "event": "E", "properties": {"plan": "pro"}}}

    assert failing(Acme, samples=samples) == set()


def test_it_needs_no_pytest_to_be_imported() -> None:
    code = "import sys, durable_analytics.testing; sys.exit('pytest' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
