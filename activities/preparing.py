"""What both activities begin with: an input and this worker's integrations become a delivery."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from durable_analytics.contract import Method
from durable_analytics.errors import ValidationError
from durable_analytics.integrations import Integration, Integrations
from durable_analytics.messages import JsonObject, Message, RequestOptions
from durable_analytics.policies import Policies
from durable_analytics.providers import Delivery, Provider
from durable_analytics.reading import read


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery, and what the input said of it."""

    integration: Integration
    delivery: Delivery[Message]
    policies: Policies | None
    """The input's own."""

    def as_delivered(self, *names: str) -> JsonObject:
        """These fields of the message, as they go out."""
        unchecked = self.delivery.unchecked
        return {name: unchecked.get(name, getattr(self.delivery.message, name)) for name in names}


def choose(data: JsonObject, integrations: Integrations) -> Integration:
    """The integration that an input means.

    Raises:
        ValidationError: It is named by something else than text.
        UnknownIntegration: It is not configured.
    """
    name = data.get("integration")
    if name is not None and not isinstance(name, str):
        raise ValidationError.at("integration", "must be text")
    return integrations.find(name)


def prepare(
    method: Method, data: JsonObject, integration: Integration, filled_in: JsonObject
) -> Prepared:
    """Check an input with what was filled in.

    Args:
        method: The method.
        data: The input, as `normalise` returned it.
        integration: As `choose` returned it.
        filled_in: Fields of the message that the plan adds or changes.

    Raises:
        UnsupportedMethod: The integration's provider lacks the method.
        ValidationError: The input breaks the contract.
    """
    integration.provider.require(method.key)
    message = data.get(method.key)
    if isinstance(message, dict):
        data = {**data, method.key: {**message, **filled_in}}
    reading = read(method, data)
    delivery = Delivery(
        method.key,
        reading.message,
        reading.context,
        reading.input.request_options or RequestOptions(),
        reading.unchecked,
        strict=reading.input.strict,
    )
    return Prepared(integration, delivery, reading.input.policies)


_CLOCK_SKEW = timedelta(minutes=1)
"""How far a timestamp may be from now and still mean now, where a provider takes none."""


def check_date(provider: Provider, delivery: Delivery[Message], now: datetime) -> None:
    """Refuse a given time that the provider would replace by its own.

    Raises:
        ValidationError: It is not now, and the request has no place for it.
    """
    timestamp = delivery.message.timestamp
    if timestamp is None or delivery.method in provider.dated_methods:
        return
    if abs(datetime.fromisoformat(timestamp) - now) > _CLOCK_SKEW:
        raise ValidationError.at(
            f"{delivery.method}.timestamp",
            f"has no place at {provider.title}, where it happens when it arrives: leave it out",
        )
