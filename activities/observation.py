"""What the outcome of one request says: for the metrics, and about the health of its provider."""

import time
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from activities.failures import describe_wait
from activities.http import HttpClient
from durable_analytics.errors import DeliveryError, Internal, Unauthorized, Unavailable
from durable_analytics.providers import HttpRequest, HttpResponse, Provider


class Observation:
    """One request, from its start to its response, as a context manager.

    Args:
        client: The client of the integration. Its `health` counts what the process has seen of the
            provider; None counts nothing.
        provider: The provider.
        request: The request that the provider built.
        is_call: Whether it is a `Call`, whose 401 and 403 may concern only its endpoint.
        deadline: How long it may take.
        may_be_held: Whether it waits if the integration is paused.
    """

    __slots__ = (
        *("_counts", "_credentials", "_deadline", "_health", "_is_call", "_is_probe"),
        "_may_be_held",
        *("_on_request", "_outcome", "_provider", "_started", "status_code"),
    )

    def __init__(
        self,
        client: HttpClient,
        provider: Provider,
        request: HttpRequest,
        *,
        is_call: bool,
        deadline: timedelta,
        may_be_held: bool,
    ) -> None:
        self._health = client.health
        self._on_request = client.on_request
        self._provider = provider
        self._credentials = request.credentials
        self._counts = request.credentials not in provider.separate_credentials
        self._is_call = is_call
        self._deadline = deadline
        self._may_be_held = may_be_held
        self._is_probe = False
        self._started: float | None = None
        self.status_code: int | None = None
        """The status of the response, if there was one, for the metrics."""

        self._outcome: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._started is None:
            return
        outcome = error.wire_name() if isinstance(error, DeliveryError) else self._outcome
        if outcome:
            duration = timedelta(seconds=time.monotonic() - self._started)
            self._on_request(outcome, self.status_code, duration)
        health = self._health
        if health is None:
            return
        if self._counts and isinstance(error, Unavailable):
            health.unavailable(error.message, is_probe=self._is_probe)
        health.leave(is_probe=self._is_probe)

    def start(self) -> None:
        """Begin the request.

        Raises:
            Held: It must not be sent.
        """
        if self._health and self._may_be_held:
            self._is_probe = self._health.enter(self._deadline, may_probe=self._counts)
        self._started = time.monotonic()

    def responded(self, response: HttpResponse) -> None:
        """Count the response."""
        health, is_probe = self._health, self._is_probe
        try:
            failure = self._provider.classify(response)
        except Exception:  # noqa: BLE001  # the caller classifies it too, and reports the bug
            self._outcome = Internal.wire_name()
            return
        self._outcome = failure.wire_name() if failure else "success"
        if health is None or not self._counts:
            return
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
