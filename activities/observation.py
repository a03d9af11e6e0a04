"""What the outcome of one request says about the health of its provider."""

from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from activities.failures import describe_wait
from activities.provider_health import ProviderHealth
from durable_analytics.errors import Unauthorized, Unavailable
from durable_analytics.providers import HttpRequest, HttpResponse, Provider


class Observation:
    """One request, from its start to its response, as a context manager.

    Args:
        health: What the process has seen of the provider; None to count nothing.
        provider: The provider.
        request: The request that the provider built.
        is_call: Whether it is a `Call`, whose 401 and 403 may concern only its endpoint.
        may_be_held: Whether it waits if the integration is paused.
    """

    __slots__ = (
        *("_counts", "_credentials", "_has_started", "_health"),
        *("_is_call", "_is_probe", "_may_be_held", "_provider"),
    )

    def __init__(
        self,
        health: ProviderHealth | None,
        provider: Provider,
        request: HttpRequest,
        *,
        is_call: bool,
        may_be_held: bool,
    ) -> None:
        self._health = health
        self._provider = provider
        self._credentials = request.credentials
        self._counts = request.credentials not in provider.separate_credentials
        self._is_call = is_call
        self._may_be_held = may_be_held
        self._is_probe = False
        self._has_started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        health = self._health
        if health is None or not self._has_started:
            return
        if self._counts and isinstance(error, Unavailable):
            health.unavailable(error.message, is_probe=self._is_probe)
        health.leave(is_probe=self._is_probe)

    def start(self) -> None:
        """Begin the request.

        Raises:
            Held: It must not be sent.
        """
        if self._health:
            if self._may_be_held:
                self._is_probe = self._health.enter(may_probe=self._counts)
            self._has_started = True

    def responded(self, response: HttpResponse) -> None:
        """Count the response."""
        health, is_probe = self._health, self._is_probe
        if health is None or not self._counts:
            return
        failure = self._provider.classify(response)
        if failure is None and not self._is_call:
            health.succeeded(self._credentials, is_probe=is_probe)
        elif isinstance(failure, Unavailable):
            health.unavailable(failure.message, is_probe=is_probe)
        elif isinstance(failure, Unauthorized) and not self._is_call:
            health.unauthorized(self._credentials, failure.message, is_probe=is_probe)
        else:
            health.available(is_probe=is_probe)
        if failure is None:
            return
        if self._provider.wants_no_more(response):
            health.gone(failure.message)
        elif wait := self._provider.shared_wait(response, datetime.now(UTC)):
            asked = f"{failure.message} and asks to wait {describe_wait(wait)}"
            health.asked_to_wait(asked, wait)
