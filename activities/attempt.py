"""One attempt of a Request activity: its log lines, its hook calls and its failure."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import application_error, explain_wait, internal_error
from activities.provider_health import Held
from activities.responses import as_failure_response, as_response, cut_detail, json_size
from durable_analytics.delivery.integrations import Integration
from durable_analytics.errors import DeliveryError, RateLimited, Unavailable, ValidationError
from durable_analytics.events import AttemptFailed
from durable_analytics.providers import HttpResponse
from durable_analytics.wire.activity_results import MOST_ATTEMPTS, checked_rest
from durable_analytics.wire.integration_state import described
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.plans import AttemptRecord, HeldMessage, Response
from durable_analytics.wire.timestamps import write_timestamp

log = logging.getLogger("durable_analytics.delivery")

_NO_TIME = timedelta(0)
_MILLISECOND = timedelta(milliseconds=1)

_LONGEST_HELD = timedelta(seconds=60)
"""The longest wait of a request that cannot wait on the task queue of the integration."""

_KEPT_BETWEEN_ATTEMPTS = ("response", "attempts", "accepted")
"""The details of a failure that another attempt follows."""


@dataclass(slots=True)
class Attempt:
    """The state of an attempt, which is completed during the attempt."""

    method: str
    notify: Callable[[AttemptFailed], None]
    integration: Integration | None = None
    message_id: str | None = None
    response: HttpResponse | None = None
    progress: Callable[[], JsonObject] = dict
    """Returns what the next attempt needs, besides the response."""

    attempts: list[AttemptRecord] | None = None
    """The earlier attempts at the same request; None if each message has a request of its own."""

    attempts_before: int = 0
    """The attempts of the activities before this one, which the message had to leave."""

    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)

    @property
    def _name(self) -> str | None:
        return self.integration.name if self.integration else None

    def continue_from(self, earlier: HeldMessage | None) -> None:
        """Count the attempts of the activities before this one."""
        if earlier:
            self.attempts_before = earlier["count"]
            if self.attempts is not None:
                self.attempts = self.attempts or earlier["attempts"]

    def used_up(self) -> HeldMessage:
        """Return the attempts before this one, which sends nothing."""
        count = self.attempts_before + activity.info().attempt - 1
        return {"attempts": self.attempts or [], "count": count}

    def begin_request(self) -> None:
        """Begin the next of several requests."""
        self.began_at = datetime.now(UTC)
        self.response = None

    def keep(self, response: HttpResponse) -> None:
        """Keep a response that settles nothing, for the output."""
        self.response = response

    def end_request(self, error: DeliveryError | None) -> list[AttemptRecord]:
        """Return all attempts at the request that ends now; the next one has none before it."""
        self._record(error)
        ended, self.attempts = self.attempts or [], []
        return ended

    def succeeded(self, **more: Any) -> None:
        """Log and record the success."""
        self._record(None)
        self._log("delivered", logging.INFO, **more)

    def failed(self, error: DeliveryError) -> ApplicationError:
        """Log and report an error, and return the failure to raise, with the last response."""
        is_last = self.is_last(error)
        error = self.concluded(error)
        self._record(error)
        response = self.last_response(as_response if is_last else as_failure_response)
        progress = self.progress()
        if self.attempts is not None:
            progress["attempts"] = self.attempts
        if error.retried and (self.response or progress) and not activity.info().is_local:
            activity.heartbeat({**progress, "response": response, "error": error.as_json()})
        self.report(error)
        detail = {"response": response, **progress}
        if not is_last:
            # Temporal then cuts a failure at 4 KiB.
            kept = {key: detail[key] for key in _KEPT_BETWEEN_ATTEMPTS if key in detail}
            detail = cut_detail(kept, reserved_bytes=2 * json_size(error.as_json()))
        return application_error(
            error,
            detail,
            integration=self._name,
            next_retry_delay=self.next_retry_delay(),
            is_final=self._waits_too_long(error),
        )

    def held(self, held: Held) -> ApplicationError:
        """Return the failure of a request that is held back, and can wait only for an attempt."""
        kind = RateLimited if held.by == "retry_after" else Unavailable
        reason = described(self._name or "", held.state) if held.state else f"{held}"
        error = kind(f"nothing was sent: {reason}")
        detail = {**self.progress(), "attempts": self.attempts or []}
        wait = min(held.rest or _LONGEST_HELD, _LONGEST_HELD)
        return application_error(
            error,
            {"response": None, **{k: detail[k] for k in _KEPT_BETWEEN_ATTEMPTS if k in detail}},
            integration=self._name,
            next_retry_delay=max(wait, policy_wait()),
        )

    def has_another(self) -> bool:
        """Whether another attempt may follow this one."""
        return not activity.info().is_local and not self._has_no_attempt_left(Unavailable(""))

    def log_held(self, held: Held) -> None:
        """Log that nothing was sent."""
        self._log("held back", logging.INFO, by=held.by)

    def last_response(self, write: Callable[[HttpResponse], Response]) -> Response | None:
        """Return the response of this attempt, or else that of an earlier one."""
        return write(self.response) if self.response else _last_response()

    def _record(self, error: DeliveryError | None) -> None:
        """Add this attempt to the attempts of the message."""
        if self.attempts is None:
            return
        record: AttemptRecord = {
            "attempt": self.attempts_before + activity.info().attempt,
            "at": write_timestamp(self.began_at),
            "milliseconds": max((datetime.now(UTC) - self.began_at) // _MILLISECOND, 0),
            "status_code": self.response.status_code if self.response else None,
            "error": error.wire_name() if error else None,
        }
        self.attempts = [*self.attempts, record][-MOST_ATTEMPTS:]

    def report(self, error: DeliveryError) -> None:
        """Log the failure and notify the hook."""
        # The message of a ValidationError contains keys of the caller.
        reason = {} if isinstance(error, ValidationError) else {"reason": error.message}
        self._log("attempt failed", logging.WARNING, error=error.wire_name(), **reason)
        self.notify(AttemptFailed(**self._facts(), error=error.wire_name(), message=error.message))

    def next_retry_delay(self) -> timedelta | None:
        """Return the wait that the provider asks for, if it is longer than that of the policy."""
        asked = self.requested_wait(self.response)
        return asked if asked and asked > policy_wait() else None

    def requested_wait(self, response: HttpResponse | None) -> timedelta | None:
        """Return how long the provider asks to wait before another attempt."""
        if not (self.integration and response):
            return None
        return self.integration.provider.retry_after(response, datetime.now(UTC))

    def remaining_time(self, *, reserve: timedelta) -> timedelta:
        """Return the rest of the timeout of this attempt, minus a reserve."""
        limit = activity.info().start_to_close_timeout or reserve
        return max(limit - reserve - timedelta(seconds=time.monotonic() - self.started), _NO_TIME)

    def is_last(self, error: DeliveryError) -> bool:
        """Whether Temporal would not try again after this error.

        If so, the result contains all settled messages and the complete response. If another
        attempt follows a failure, Temporal keeps only 4 KiB of the failure.
        """
        info = activity.info()
        if not error.retried or info.is_local or self._has_no_attempt_left(error):
            return True
        remaining = self._remaining()
        wait = max(self.requested_wait(self.response) or _NO_TIME, policy_wait())
        return remaining is not None and wait >= remaining

    def concluded(self, error: DeliveryError) -> DeliveryError:
        """Return the error to report; its text explains a wait that is too long for the policy."""
        asked = self.requested_wait(self.response)
        return explain_wait(error, asked) if asked and self._waits_too_long(error) else error

    def _waits_too_long(self, error: DeliveryError) -> bool:
        if not error.retried or activity.info().is_local or self._has_no_attempt_left(error):
            return False
        asked, remaining = self.next_retry_delay(), self._remaining()
        return bool(asked and remaining is not None and asked >= remaining)

    @staticmethod
    def _has_no_attempt_left(error: DeliveryError) -> bool:
        info = activity.info()
        policy = info.retry_policy
        if policy is None or error.wire_name() in (policy.non_retryable_error_types or ()):
            return True
        return bool(policy.maximum_attempts) and info.attempt >= policy.maximum_attempts

    def _remaining(self) -> timedelta | None:
        """Return the rest of `total_timeout` by the server's clock; None if there is no limit."""
        info = activity.info()
        if not info.schedule_to_close_timeout:
            return None
        ends = info.scheduled_time + info.schedule_to_close_timeout
        now = max(info.started_time, info.scheduled_time)
        return ends - now - timedelta(seconds=time.monotonic() - self.started)

    def _facts(self) -> JsonObject:
        info = activity.info()
        return {
            "workflow_id": info.workflow_id,
            "run_id": info.workflow_run_id,
            "integration": self._name,
            "method": self.method,
            "message_id": self.message_id,
            "attempt": info.attempt,
            "status": self.response.status_code if self.response else None,
        }

    def _log(self, event: str, level: int, **more: Any) -> None:
        """Log one line with identifiers and numbers, without user data and secrets."""
        milliseconds = round((time.monotonic() - self.started) * 1000)
        log.log(level, event, extra={**self._facts(), "milliseconds": milliseconds, **more})


@contextmanager
def attempting(method: str, notify: Callable[[AttemptFailed], None]) -> Iterator[Attempt]:
    """Convert any exception in the block to the failure of the attempt, and report it."""
    attempt = Attempt(method, notify)
    try:
        yield attempt
    except Held as held:
        attempt.log_held(held)
        raise attempt.held(held) from None
    except DeliveryError as error:
        raise attempt.failed(error) from None
    except Exception as error:  # noqa: BLE001  # any other exception is a bug
        raise attempt.failed(internal_error(error)) from None


def earlier_attempts() -> list[AttemptRecord]:
    """Return the attempts of this activity before the current one, from the last heartbeat."""
    attempts: list[AttemptRecord] = _last_heartbeat().get("attempts", [])
    return attempts


def _last_response() -> Response | None:
    """Return the response of an earlier attempt."""
    return _last_heartbeat().get("response")


def _last_heartbeat() -> JsonObject:
    details = activity.info().heartbeat_details
    return checked_rest(details[0] if details else None)


def policy_wait() -> timedelta:
    """Return how long Temporal waits after this attempt by its retry policy."""
    info = activity.info()
    policy = info.retry_policy
    if policy is None:
        return _NO_TIME
    longest = policy.maximum_interval or policy.initial_interval * 100
    doublings = min(info.attempt - 1, 100)
    seconds = policy.initial_interval.total_seconds() * policy.backoff_coefficient**doublings
    return min(timedelta(seconds=min(seconds, longest.total_seconds())), longest)
