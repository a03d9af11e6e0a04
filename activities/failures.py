"""From our errors to Temporal's: the type, the details, whether and when to try again."""

from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from durable_analytics.errors import DeliveryError, Internal
from durable_analytics.messages import JsonObject


def application_error(
    error: DeliveryError,
    *,
    integration: str | None = None,
    response: JsonObject | None = None,
    next_retry_delay: timedelta | None = None,
    **more: Any,
) -> ApplicationError:
    """The failure of an attempt.

    Its detail holds no message: Temporal cuts a stored activity failure at 4 KiB, and the workflow
    has the message. An expected failure is benign to the SDK, which then leaves it to our own log.
    """
    detail = {
        "status": "failure",
        "integration": integration,
        "response": response,
        "error": error.as_json(),
        **more,
    }
    expected = not isinstance(error, Internal)
    return ApplicationError(
        error.message,
        detail,
        type=error.wire_name(),
        non_retryable=not error.retried,
        next_retry_delay=next_retry_delay,
        category=(
            ApplicationErrorCategory.BENIGN if expected else ApplicationErrorCategory.UNSPECIFIED
        ),
    )
