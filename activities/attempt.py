"""One attempt to send: what is known of it so far, for the log, the hook and the failure."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import application_error
from activities.internal import internal_error
from activities.sending import as_failure_response
from durable_analytics.errors import DeliveryError
from durable_analytics.hooks import AttemptFailed
from durable_analytics.integrations import Integration
from durable_analytics.messages import JsonObject
from durable_analytics.providers import Answer

log = logging.getLogger("durable_analytics.delivery")


@dataclass(slots=True)
class Attempt:
    """Filled in as the attempt goes on."""

    method: str
    notify: Callable[[AttemptFailed], None]
    integration: Integration | None = None
    message_id: str | None = None
    answer: Answer | None = None
    progress: JsonObject = field(default_factory=dict)
    """What the next attempt has to know beside the answer."""

    started: float = field(default_factory=time.monotonic)

    @property
    def _name(self) -> str | None:
        return self.integration.name if self.integration else None

    def succeeded(self, **more: Any) -> None:
        """Log it."""
        self._log("delivered", logging.INFO, **more)

    def failed(self, error: DeliveryError) -> ApplicationError:
        """What to raise, told to everybody; later attempts still know the last answer."""
        response = as_failure_response(self.answer) if self.answer else _last_response()
        if error.retried and (self.answer or self.progress) and not activity.info().is_local:
            activity.heartbeat({**self.progress, "response": response, "error": error.as_json()})
        self.tell(error)
        # Of the progress only what is small: Temporal cuts a stored failure at 4 KiB.
        accepted = {key: value for key, value in self.progress.items() if key == "accepted"}
        return application_error(
            error,
            integration=self._name,
            response=response,
            next_retry_delay=self.next_retry_delay(),
            **accepted,
        )

    def tell(self, error: DeliveryError) -> None:
        """The log and the hook."""
        self._log("attempt failed", logging.WARNING, error=error.wire_name())
        self.notify(AttemptFailed(**self._facts(), error=error.wire_name(), message=error.message))

    def next_retry_delay(self) -> timedelta | None:
        """What `Retry-After` asks for, where that is longer than the policy's own wait."""
        if not (self.integration and self.answer):
            return None
        asked = self.integration.provider.retry_after(self.answer, datetime.now(UTC))
        return asked if asked and asked > policy_wait() else None

    def _facts(self) -> JsonObject:
        info = activity.info()
        return {
            "workflow_id": info.workflow_id,
            "run_id": info.workflow_run_id,
            "integration": self._name,
            "method": self.method,
            "message_id": self.message_id,
            "attempt": info.attempt,
            "status": self.answer.status_code if self.answer else None,
        }

    def _log(self, event: str, level: int, **more: Any) -> None:
        """One line: identifiers and figures, no user data, no secret."""
        milliseconds = round((time.monotonic() - self.started) * 1000)
        log.log(level, event, extra={**self._facts(), "milliseconds": milliseconds, **more})


@contextmanager
def attempting(method: str, notify: Callable[[AttemptFailed], None]) -> Iterator[Attempt]:
    """Turn whatever goes wrong inside into the failure of the attempt, and tell of it."""
    attempt = Attempt(method, notify)
    try:
        yield attempt
    except DeliveryError as error:
        raise attempt.failed(error) from None
    except Exception as error:  # noqa: BLE001  # whatever it is, it is a bug of ours
        raise attempt.failed(internal_error(error)) from None


def _last_response() -> JsonObject | None:
    """The answer that an earlier attempt got."""
    details = activity.info().heartbeat_details
    if details and isinstance(details[0], dict):
        response = details[0].get("response")
        return response if isinstance(response, dict) else None
    return None


def policy_wait() -> timedelta:
    """How long Temporal waits after this attempt by itself."""
    info = activity.info()
    policy = info.retry_policy
    if policy is None:
        return timedelta(0)
    longest = policy.maximum_interval or policy.initial_interval * 100
    doublings = min(info.attempt - 1, 100)
    seconds = policy.initial_interval.total_seconds() * policy.backoff_coefficient**doublings
    return min(timedelta(seconds=min(seconds, longest.total_seconds())), longest)
