"""The Request activity: one attempt to deliver a message."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.common import RawValue

from activities.attempt import Attempt, attempting, earlier_attempts
from activities.http import HttpClient
from activities.http_send import HTTP_SHARE, TIMEOUT, send
from activities.origin import Origin
from activities.prepared_deliveries import PreparedDeliveries
from activities.provider_health import Held
from activities.responses import as_response
from activities.turns import ask_others, turns_of_single
from activities.validation import make_plan, run_in_thread_if_slow
from durable_analytics.delivery.integrations import Integration, Integrations
from durable_analytics.delivery.preparation import restore
from durable_analytics.errors import ValidationError
from durable_analytics.events import AttemptFailed
from durable_analytics.providers import Delivery, HttpRequest, HttpResponse
from durable_analytics.wire.activity_results import checked_held
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.keys import normalise
from durable_analytics.wire.messages import JsonObject, Message
from durable_analytics.wire.methods import ABSENT, Method
from durable_analytics.wire.parsing import Fields, read_input
from durable_analytics.wire.plans import Filtered, HeldMessage, RequestResult, Response
from durable_analytics.wire.policies import RECORDED, PlannedPolicies


@dataclass(frozen=True, slots=True)
class _Prepared:
    integration: Integration
    message_id: str
    request: HttpRequest
    timeout: timedelta
    """The timeout of the attempt, without the wait for its turn."""

    returns_attempts: bool
    can_be_held: bool
    earlier: HeldMessage | None


@dataclass(eq=False)
class Request:
    """The activity `<Method>.Request`: one instance for each method."""

    method: Method
    integrations: Integrations
    clients: Mapping[str, HttpClient]
    """The HTTP client of each integration, by name."""

    notify: Callable[[AttemptFailed], None]
    """Called with each failed attempt; returns at once and never raises."""

    prepared: PreparedDeliveries = field(default_factory=PreparedDeliveries)
    """The cache of large messages that a Validation of the same worker has checked."""

    async def __call__(
        self,
        input: RawValue = ABSENT,
        plan: RawValue = ABSENT,
    ) -> RequestResult | Response | dict[str, HeldMessage | Filtered]:
        """Return the response and the attempts, or fail with a failure type of the contract.

        If nothing was sent because the integration is paused, or the worker ends while the request
        waits for its turn, it returns only `held`. If the integration must not get the message,
        it returns only `filtered`.

        A workflow of an earlier release gets the response alone.
        """
        with attempting(self.method.key, self.notify) as attempt:
            attempt.attempts = earlier_attempts()
            prepared = await run_in_thread_if_slow(
                input, self.integrations, lambda: self._prepare(input, plan)
            )
            if isinstance(prepared, dict):
                return prepared
            attempt.integration = prepared.integration
            attempt.message_id = prepared.message_id
            attempt.continue_from(prepared.earlier)
            try:
                attempt.response = await self._send(prepared, attempt)
            except Held as held:
                if not prepared.can_be_held:
                    raise
                attempt.log_held(held)
                return {"held": attempt.used_up()}
            failure = prepared.integration.provider.classify(attempt.response)
            if failure:
                raise failure
            attempt.succeeded()
            response = as_response(attempt.response)
            if self._is_of_earlier_release(prepared):
                return response
            return {"response": response, "attempts": attempt.attempts}

    async def _send(self, prepared: _Prepared, attempt: Attempt) -> HttpResponse:
        name, provider = prepared.integration.name, prepared.integration.provider
        client, request = self.clients[name], prepared.request
        await ask_others(client)
        may_be_held = prepared.can_be_held or attempt.has_another()
        async with turns_of_single(client, name, may_be_held=may_be_held) as turns:
            await turns.wait(client.health)
            return await send(
                client,
                provider,
                request,
                delivery_id=prepared.message_id,
                deadline=prepared.timeout * HTTP_SHARE,
                is_call=self.method.key == "call",
                may_be_held=may_be_held,
                on_incomplete=attempt.keep,
            )

    def _is_of_earlier_release(self, prepared: _Prepared) -> bool:
        is_our_workflow = activity.info().workflow_type == self.method.workflow
        return is_our_workflow and not prepared.returns_attempts

    def _prepare(self, input: Any, raw_plan: Any) -> _Prepared | dict[str, HeldMessage | Filtered]:
        plan, now = decode(raw_plan, "plan"), datetime.now(UTC)
        if plan is None:
            data = normalise(self.method, decode(input))
            integration = self.integrations.find(data.get("integration"), data.get("deliver_to"))
            plan, checked = make_plan(self.method, data, integration, Origin.read(None))
            if checked is None:
                return {"filtered": plan["filtered"]}
            delivery = replace(checked, sent_at=now, left_out=set())
        else:
            filled_in = plan.get("message") if isinstance(plan, dict) else None
            if not isinstance(filled_in, dict) or not filled_in.get("message_id"):
                raise ValidationError.at("plan", "must be what Validation returned, or null")
            if filtered := plan.get("filtered"):
                return {"filtered": filtered}
            integration = self.integrations.find(plan.get("integration"))
            delivery = self.prepared.take(input, plan, now) or self._restore(
                input, integration, plan, now
            )
        return _Prepared(
            integration,
            delivery.message.message_id or "",
            integration.provider.build(delivery),
            _timeout(plan),
            returns_attempts=plan.get("returns_attempts") is True,
            can_be_held=plan.get("can_be_held") is True,
            earlier=checked_held(plan.get("earlier")),
        )

    def _restore(
        self, input: Any, integration: Integration, plan: JsonObject, now: datetime
    ) -> Delivery[Message]:
        envelope, message = read_input(self.method, normalise(self.method, decode(input)))
        if routed := plan.get("routed"):
            message = Fields(self.method, routed["message"], routed["context"])
        return restore(integration.provider, message, envelope, plan["message"], now)


def _timeout(plan: JsonObject) -> timedelta:
    longest = activity.info().start_to_close_timeout or TIMEOUT
    if not plan.get("turn_seconds"):
        return longest
    policies = PlannedPolicies.model_validate(plan.get("policies"), context=RECORDED)
    timeout = policies.request and policies.request.single_attempt_timeout
    return min(timeout or TIMEOUT, longest)
