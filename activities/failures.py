"""Conversion of errors to Temporal's failures, with their type, details and retry behaviour."""

import logging
import traceback
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from durable_analytics.errors import DeliveryError, Internal

log = logging.getLogger("durable_analytics.internal")


def application_error(
    error: DeliveryError,
    detail: Mapping[str, Any] | None = None,
    *,
    integration: str | None = None,
    next_retry_delay: timedelta | None = None,
    is_final: bool = False,
) -> ApplicationError:
    """Return the failure of an attempt.

    Its details do not contain the message, because Temporal cuts a stored activity failure at 4 KiB
    and the workflow has the message. The SDK does not log expected failures: they are "benign".
    """
    detail = {
        "status": "failure",
        "integration": integration,
        "error": error.as_json(),
        **(detail or {"response": None}),
    }
    expected = not isinstance(error, Internal)
    return ApplicationError(
        error.message,
        detail,
        type=error.wire_name(),
        non_retryable=is_final or not error.retried,
        next_retry_delay=next_retry_delay,
        category=(
            ApplicationErrorCategory.BENIGN if expected else ApplicationErrorCategory.UNSPECIFIED
        ),
    )


def explain_wait(error: DeliveryError, asked: timedelta) -> DeliveryError:
    """Add to an error that the provider asks for a longer wait than the policy allows."""
    reason = (
        f"it asks to wait {describe_wait(asked)}, which is longer than the rest of total_timeout"
    )
    return type(error)(f"{error.message}; {reason}", fields=error.fields)


def describe_wait(wait: timedelta) -> str:
    """Return a duration in its two largest units.

    >>> describe_wait(timedelta(hours=2, seconds=5))
    '2 h'
    """
    seconds = round(wait.total_seconds()) or 1
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        parts.append(f"{count} {unit}" if count else "")
    first = next(index for index, part in enumerate(parts) if part)
    return " ".join(filter(None, parts[first : first + 2]))


def internal_error(error: Exception) -> Internal:
    """Log an unexpected exception by type and location, without its message (user data)."""
    info = activity.info()
    name = type(error).__name__
    log.error(
        "internal error",
        extra={
            "workflow_id": info.workflow_id,
            "activity": info.activity_type,
            "attempt": info.attempt,
            "exception": name,
            "where": traceback.format_tb(error.__traceback__),
        },
    )
    return Internal(
        f"{info.activity_type} raised an unexpected {name}; the worker's log has the location"
    )
