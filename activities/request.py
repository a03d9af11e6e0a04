"""The Request activity: one attempt to deliver a message, and what it leaves behind."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.failures import application_error
from activities.internal import internal_error
from activities.preparing import Prepared, choose, prepare
from activities.sending import as_failure_response, as_response, send
from activities.validation import plan_alone
from durable_analytics.contract import ABSENT, Method
from durable_analytics.errors import DeliveryError, ValidationError
from durable_analytics.hooks import AttemptFailed
from durable_analytics.integrations import Integrations
from durable_analytics.messages import JsonObject
from durable_analytics.providers import Answer
from durable_analytics.reading import decode, normalise

log = logging.getLogger("durable_analytics.delivery")

_TIMEOUT = timedelta(seconds=3)
"""The attempt's, where a caller's own workflow sets none."""

_HTTP_SHARE = 0.9
"""The HTTP deadline's part of an attempt: what is left reports the failure before Temporal does."""


@dataclass(eq=False)
class Request:
    """`<Method>.Request`: one instance a method."""

    method: Method
    integrations: Integrations
    clients: Mapping[str, httpx.AsyncClient]
    """An HTTP client an integration, by its name."""

    notify: Callable[[AttemptFailed], None]
    """Hears of each failed attempt; returns at once and never raises."""

    async def __call__(
        self,
        input: RawValue = ABSENT,
        plan: RawValue = ABSENT,
    ) -> JsonObject:
        """Return the `response` of the contract, or fail with one of its types."""
        attempt = _Attempt(self, time.monotonic())
        try:
            prepared = self._prepare(decode(input), decode(plan, "plan"))
            attempt.prepared = prepared
            attempt.answer = await self._send(prepared)
            failure = prepared.integration.provider.read(attempt.answer)
            if failure:
                raise failure
        except DeliveryError as error:
            raise attempt.failed(error) from None
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a bug of ours
            raise attempt.failed(internal_error(error)) from None
        attempt.log("delivered", logging.INFO)
        return as_response(attempt.answer)

    def _prepare(self, data: Any, plan: Any) -> Prepared:
        data = normalise(self.method, data)
        if plan is None:
            plan = plan_alone(self.method, data, choose(data, self.integrations))
        filled_in = plan.get("message") if isinstance(plan, dict) else None
        if not isinstance(filled_in, dict) or not filled_in.get("message_id"):
            raise ValidationError.at("plan", "must be what Validation returned, or null")
        chosen = choose({"integration": plan.get("integration")}, self.integrations)
        return prepare(self.method, data, chosen, filled_in)

    async def _send(self, prepared: Prepared) -> Answer:
        provider = prepared.integration.provider
        timeout = activity.info().start_to_close_timeout or _TIMEOUT
        return await send(
            self.clients[prepared.integration.name],
            provider.build(prepared.delivery, datetime.now(UTC)),
            authorization=provider.authorization(self.method.key),
            secrets=provider.secrets(),
            deadline=timeout * _HTTP_SHARE,
        )


@dataclass(slots=True)
class _Attempt:
    """What is known of the attempt so far, for the log, the hook and the failure."""

    request: Request
    started: float
    prepared: Prepared | None = None
    answer: Answer | None = None

    def failed(self, error: DeliveryError) -> ApplicationError:
        """Tell everybody; the last answer stays readable even if later attempts get none."""
        integration = self.prepared.integration.name if self.prepared else None
        response = as_failure_response(self.answer) if self.answer else _last_response()
        if error.retried and self.answer and not activity.info().is_local:
            activity.heartbeat({"response": response, "error": error.as_json()})
        self.log("attempt failed", logging.WARNING, error=error.wire_name())
        self.request.notify(self._event(error))
        return application_error(
            error, integration=integration, response=response, next_retry_delay=self._delay()
        )

    def _delay(self) -> timedelta | None:
        """What `Retry-After` asks for, where that is longer than the policy's own wait."""
        if not (self.prepared and self.answer):
            return None
        asked = self.prepared.integration.provider.retry_after(self.answer, datetime.now(UTC))
        return asked if asked and asked > _policy_wait() else None

    def _facts(self) -> JsonObject:
        info = activity.info()
        message = self.prepared.delivery.message if self.prepared else None
        return {
            "workflow_id": info.workflow_id,
            "run_id": info.workflow_run_id,
            "integration": self.prepared.integration.name if self.prepared else None,
            "method": self.request.method.key,
            "message_id": message.message_id if message else None,
            "attempt": info.attempt,
            "status": self.answer.status_code if self.answer else None,
        }

    def _event(self, error: DeliveryError) -> AttemptFailed:
        return AttemptFailed(**self._facts(), error=error.wire_name(), message=error.message)

    def log(self, event: str, level: int, **more: Any) -> None:
        """One line: identifiers and figures, no user data, no secret."""
        milliseconds = round((time.monotonic() - self.started) * 1000)
        log.log(level, event, extra={**self._facts(), "milliseconds": milliseconds, **more})


def _last_response() -> JsonObject | None:
    """The answer that an earlier attempt got."""
    details = activity.info().heartbeat_details
    if details and isinstance(details[0], dict):
        response = details[0].get("response")
        return response if isinstance(response, dict) else None
    return None


def _policy_wait() -> timedelta:
    """How long Temporal waits after this attempt by itself."""
    info = activity.info()
    policy = info.retry_policy
    if policy is None:
        return timedelta(0)
    longest = policy.maximum_interval or policy.initial_interval * 100
    doublings = min(info.attempt - 1, 100)
    seconds = policy.initial_interval.total_seconds() * policy.backoff_coefficient**doublings
    return min(timedelta(seconds=min(seconds, longest.total_seconds())), longest)
