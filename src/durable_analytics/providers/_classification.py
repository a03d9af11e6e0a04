"""Classification of a provider's response: success, another attempt, or a final failure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

from durable_analytics.errors import (
    DeliveryError,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from durable_analytics.providers._retry_after import requested_wait
from durable_analytics.providers.http import HttpResponse


class Classification:
    """The part of a provider that classifies responses; providers override it."""

    title: ClassVar[str]

    statuses_with_details: ClassVar[frozenset[int]] = frozenset()
    """The statuses of failures whose body says which messages were refused, or why. If such a body
    ends early, the request is sent again; other failures count by their status."""

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response to one message; None means success.

        If `retried` of the error is true, there is another attempt.
        """
        return self.classify_status(response.status_code)

    def classify_batch(
        self, response: HttpResponse, count: int
    ) -> DeliveryError | Mapping[int, DeliveryError]:
        """Classify the response to a batch.

        Args:
            response: The provider's response.
            count: The number of messages in the batch.

        Returns:
            One error for all messages; or an error for each message that was not accepted, by the
            position of the message in the batch. If `retried` of the error is true, the message is
            sent again, without the others.
        """
        del count
        return self.classify(response) or {}

    def classify_status(self, status_code: int, reason: str = "") -> DeliveryError | None:
        """Classify a status code; None means success.

        Args:
            status_code: The HTTP status code, or a status code in the body of a 200.
            reason: A text to add to the error.
        """
        message = f"{self.title} answered {status_code}" + (f": {reason}" if reason else "")
        if 200 <= status_code < 300:
            return None
        if status_code in (401, 403):
            return Unauthorized(f"{message}; check the integration's credentials")
        if status_code == 429:
            return RateLimited(message)
        if status_code in (408, 425) or status_code >= 500:
            return Unavailable(message)
        return Rejected(message)

    def retry_after(self, response: HttpResponse, now: datetime) -> timedelta | None:
        """Return how long the provider asks to wait before the next attempt."""
        return requested_wait(response.status_code, response.headers, now)

    def shared_wait(self, response: HttpResponse, now: datetime) -> timedelta | None:
        """Return how long the provider asks to send it no message at all."""
        if response.status_code not in (429, 503):
            return None
        return requested_wait(response.status_code, response.headers, now)

    def wants_no_more(self, response: HttpResponse) -> bool:
        """Whether the receiver asks for no further message, until somebody changes it."""
        del response
        return False


def with_reported_status(response: HttpResponse, implied: int = 200) -> HttpResponse:
    """Return a response with the status that its body reports, if a 2xx contains a failure.

    Args:
        response: The response.
        implied: The status that the body implies if it has no `code`, or a `code` of success.
    """
    if not 200 <= response.status_code < 300:
        return response
    code = response.body.get("code") if isinstance(response.body, dict) else None
    if isinstance(code, int) and 300 <= code < 600:
        return replace(response, status_code=code)
    return response if implied == 200 else replace(response, status_code=implied)


def has_status_zero(response: HttpResponse) -> bool:
    """Whether the body of a response is 0, or has the status 0, which means a failure."""
    body = response.body
    status = body.get("status") if isinstance(body, dict) else body
    return status == 0 and status is not False
