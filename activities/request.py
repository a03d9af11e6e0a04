"""The Request activity: one attempt to deliver a message."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.common import RawValue

from activities.attempt import attempting, earlier_attempts
from activities.http import HttpClient
from activities.http_send import HTTP_SHARE, TIMEOUT, send
from activities.origin import Origin
from activities.responses import as_response
from activities.turns import TurnGivenUp, turns_of_single
from activities.validation import beside_the_loop, make_plan
from durable_analytics.delivery.integrations import Integration, Integrations
from durable_analytics.delivery.preparation import restore
from durable_analytics.errors import ValidationError
from durable_analytics.events import AttemptFailed
from durable_analytics.providers import HttpRequest
from durable_analytics.wire.activity_results import checked_rest
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.keys import normalise
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import ABSENT, Method
from durable_analytics.wire.parsing import read_input
from durable_analytics.wire.plans import AttemptRecord, OpenRequest, RequestResult, Response
from durable_analytics.wire.policies import RECORDED, PlannedPolicies


@dataclass(frozen=True, slots=True)
class _Prepared:
    integration: Integration
    message_id: str
    request: HttpRequest
    timeout: timedelta
    """The timeout of the attempt, without the wait for its turn."""

    returns_attempts: bool
    returns_open: bool
    attempts: list[AttemptRecord]


@dataclass(eq=False)
class Request:
    """The activity `<Method>.Request`: one instance for each method."""

    method: Method
    integrations: Integrations
    clients: Mapping[str, HttpClient]
    """The HTTP client of each integration, by name."""

    notify: Callable[[AttemptFailed], None]
    """Called with each failed attempt; returns at once and never raises."""

    async def __call__(
        self,
        input: RawValue = ABSENT,
        plan: RawValue = ABSENT,
    ) -> RequestResult | OpenRequest | Response:
        """Return the response and the attempts, or fail with a failure type of the contract.

        A workflow of an earlier release gets the response alone. Others get an `OpenRequest` if the
        integration is paused, or the worker ends, while the request waits for its turn.
        """
        with attempting(self.method.key, self.notify) as attempt:
            attempt.attempts = earlier_attempts()
            prepared = await beside_the_loop(
                input, lambda: self._prepare(decode(input), decode(plan, "plan"))
            )
            attempt.integration = prepared.integration
            attempt.message_id = prepared.message_id
            attempt.attempts = attempt.attempts or prepared.attempts
            client, name = self.clients[prepared.integration.name], prepared.integration.name
            async with turns_of_single(client, name, may_give_up=prepared.returns_open) as turns:
                try:
                    await turns.wait()
                except TurnGivenUp:
                    return {"open": True, "attempts": attempt.attempts}
                attempt.response = await send(
                    client,
                    prepared.integration.provider,
                    prepared.request,
                    delivery_id=prepared.message_id,
                    deadline=prepared.timeout * HTTP_SHARE,
                )
            failure = prepared.integration.provider.classify(attempt.response)
            if failure:
                raise failure
            attempt.succeeded()
            response = as_response(attempt.response)
            if self._is_of_earlier_release(prepared):
                return response
            return {"response": response, "attempts": attempt.attempts}

    def _is_of_earlier_release(self, prepared: _Prepared) -> bool:
        is_our_workflow = activity.info().workflow_type == self.method.workflow
        return is_our_workflow and not prepared.returns_attempts

    def _prepare(self, data: Any, plan: Any) -> _Prepared:
        data = normalise(self.method, data)
        if plan is None:
            integration = self.integrations.find(data.get("integration"))
            plan = make_plan(self.method, data, integration, Origin.read(None))
        filled_in = plan.get("message") if isinstance(plan, dict) else None
        if not isinstance(filled_in, dict) or not filled_in.get("message_id"):
            raise ValidationError.at("plan", "must be what Validation returned, or null")
        integration = self.integrations.find(plan.get("integration"))
        envelope, message = read_input(self.method, data)
        provider, now = integration.provider, datetime.now(UTC)
        delivery = restore(provider, message, envelope, filled_in, now)
        message_id = delivery.message.message_id or ""
        return _Prepared(
            integration,
            message_id,
            provider.build(delivery),
            _timeout(plan),
            returns_attempts=plan.get("returns_attempts") is True,
            returns_open=plan.get("returns_open") is True,
            attempts=_attempts(plan),
        )


def _timeout(plan: JsonObject) -> timedelta:
    longest = activity.info().start_to_close_timeout or TIMEOUT
    if not plan.get("turn_seconds"):
        return longest
    policies = PlannedPolicies.model_validate(plan.get("policies"), context=RECORDED)
    timeout = policies.request and policies.request.single_attempt_timeout
    return min(timeout or TIMEOUT, longest)


def _attempts(plan: JsonObject) -> list[AttemptRecord]:
    attempts: list[AttemptRecord] = checked_rest({"attempts": plan.get("attempts", [])}).get(
        "attempts", []
    )
    return attempts
