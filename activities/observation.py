"""What the outcome of one request says about the health of its provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from activities.failures import describe_wait
from activities.provider_health import ProviderHealth
from durable_analytics.errors import Unauthorized, Unavailable
from durable_analytics.providers import HttpRequest, HttpResponse, Provider


@dataclass(slots=True)
class Observation:
    """One request, from its start to its response.

    Args:
        health: What the process has seen of the provider; None if the request says nothing.
        provider: The provider.
        credentials: The name of the credentials of the request.
        is_call: Whether it is a `Call`, whose 401 and 403 may concern only its endpoint.
        may_be_held: Whether it waits if the integration is paused.
    """

    health: ProviderHealth | None
    provider: Provider
    credentials: str
    is_call: bool
    may_be_held: bool
    is_probe: bool = False
    has_started: bool = False

    def start(self) -> None:
        """Begin the request.

        Raises:
            Held: It must not be sent.
        """
        if self.health:
            self.is_probe = self.may_be_held and self.health.enter()
            self.has_started = True

    def responded(self, response: HttpResponse) -> None:
        """Count the response."""
        health = self.health
        if health is None or not self.has_started:
            return
        failure = self.provider.classify(response)
        if failure is None:
            if self.is_call:
                health.available(is_probe=self.is_probe)
            else:
                health.succeeded(self.credentials, is_probe=self.is_probe)
            return
        if isinstance(failure, Unavailable):
            health.unavailable(failure.message, is_probe=self.is_probe)
        elif isinstance(failure, Unauthorized) and not self.is_call:
            health.unauthorized(self.credentials, failure.message, is_probe=self.is_probe)
        else:
            health.available(is_probe=self.is_probe)
        if self.provider.wants_no_more(response):
            health.gone(failure.message)
        elif wait := self.provider.shared_wait(response, datetime.now(UTC)):
            asked = f"{failure.message} and asks to wait {describe_wait(wait)}"
            health.asked_to_wait(asked, wait)


def shared_health(
    health: ProviderHealth | None, provider: Provider, request: HttpRequest
) -> ProviderHealth | None:
    """Return the health that a request shares; None if it has credentials and a host of its own."""
    return None if request.credentials in provider.separate_credentials else health


@contextmanager
def observing(
    health: ProviderHealth | None,
    provider: Provider,
    request: HttpRequest,
    *,
    is_call: bool,
    may_be_held: bool,
) -> Iterator[Observation]:
    """Count how a request ends.

    Args:
        health: What the process has seen of the provider; None to count nothing.
        provider: The provider.
        request: The request that the provider built.
        is_call: Whether it is a `Call`.
        may_be_held: Whether the request waits if the integration is paused.
    """
    health = shared_health(health, provider, request)
    observation = Observation(health, provider, request.credentials, is_call, may_be_held)
    try:
        yield observation
    except Unavailable as error:
        if health and observation.has_started:
            health.unavailable(error.message, is_probe=observation.is_probe)
        raise
    finally:
        if health and observation.has_started:
            health.leave(is_probe=observation.is_probe)
