"""A provider without a fault, and the checks of `ProviderConformance` that a provider fails."""

# ruff: noqa: D102  # the functions of a provider
from datetime import datetime
from typing import Any, ClassVar

from durable_analytics.providers import (
    BaseUrl,
    BatchDelivery,
    BatchLimits,
    Credential,
    Delivery,
    HttpRequest,
    JsonItems,
    Provider,
    builds,
)
from durable_analytics.testing import ProviderConformance
from durable_analytics.wire.messages import JsonObject, Message, Track

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
