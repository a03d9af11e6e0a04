"""The Request activity: one attempt to deliver a message, and what it leaves behind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from temporalio import activity
from temporalio.common import RawValue

from activities.attempt import attempting
from activities.preparing import Prepared, choose, prepare
from activities.sending import HTTP_SHARE, TIMEOUT, as_response, send
from activities.validation import plan_alone
from durable_analytics.contract import ABSENT, Method
from durable_analytics.errors import ValidationError
from durable_analytics.hooks import AttemptFailed
from durable_analytics.integrations import Integrations
from durable_analytics.messages import JsonObject
from durable_analytics.providers import Answer
from durable_analytics.reading import decode, normalise


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
        with attempting(self.method.key, self.notify) as attempt:
            prepared = self._prepare(decode(input), decode(plan, "plan"))
            attempt.integration = prepared.integration
            attempt.message_id = prepared.delivery.message.message_id
            attempt.answer = await self._send(prepared)
            failure = prepared.integration.provider.read(attempt.answer)
            if failure:
                raise failure
            attempt.succeeded()
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
        return await send(
            self.clients[prepared.integration.name],
            prepared.integration.provider,
            prepared.delivery.method,
            prepared.integration.provider.build(prepared.delivery, datetime.now(UTC)),
            deadline=(activity.info().start_to_close_timeout or TIMEOUT) * HTTP_SHARE,
        )
