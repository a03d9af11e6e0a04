"""`Batch.Request`: one attempt to deliver a batch, or a slice of one."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import httpx
import pydantic
from pydantic import AfterValidator, AwareDatetime, BaseModel, NonNegativeInt
from temporalio import activity
from temporalio.common import RawValue

from activities.attempt import Attempt, attempting
from activities.batch_preparing import MadeUp, PreparedBatch, PreparedBatches, prepare_batch
from activities.batch_validation import choose_of, plan_batch
from activities.one_by_one import OneByOne, Send
from activities.preparing import choose
from activities.sending import HTTP_SHARE, TIMEOUT, as_failure_response, as_response, send
from activities.validation import Origin
from durable_analytics.batches import fitting, nothing_accepted, read_batch
from durable_analytics.contract import ABSENT, BATCH
from durable_analytics.errors import ValidationError
from durable_analytics.hooks import AttemptFailed
from durable_analytics.integrations import Integration, Integrations
from durable_analytics.messages import JsonObject
from durable_analytics.policies import Policies
from durable_analytics.providers import Answer, HttpRequest
from durable_analytics.reading import decode


@dataclass(eq=False)
class BatchRequest:
    """See the module.

    Args:
        integrations: All that the worker delivers to.
        clients: An HTTP client an integration, by its name.
        notify: Hears of each failed attempt; returns at once and never raises.
        prepared: What a Validation of the same worker has left.
    """

    integrations: Integrations
    clients: Mapping[str, httpx.AsyncClient]
    notify: Callable[[AttemptFailed], None]
    prepared: PreparedBatches

    async def __call__(self, input: RawValue = ABSENT, plan: RawValue = ABSENT) -> JsonObject:
        """Return `accepted`, `rejected` and `responses` as they stand in the output.

        With a plan, `rejected` holds what this request adds to the plan's. The plan of a part has
        besides `first`, the place of the part's first message in the whole input, `skipped`, the
        places of those that are rejected already, and `is_part`.
        """
        with attempting(BATCH.key, self.notify) as attempt:
            prepared, read = await self._prepare(input, decode(plan, "plan"))
            attempt.integration = prepared.integration
            send = self._sender(prepared.integration, read.deadline())
            if prepared.integration.provider.batch_limits is None:
                result = await OneByOne(prepared, attempt, send).run()
            else:
                # The answers to many parts would fill the history.
                told = as_failure_response if read.is_part else as_response
                result = await _send_all(prepared, attempt, send, told)
            result["rejected"] = fitting([*prepared.rejected, *result["rejected"]])
            attempt.succeeded(accepted=result["accepted"], rejected=len(result["rejected"]))
            return result

    async def _prepare(self, input: Any, plan: Any) -> tuple[PreparedBatch, "_Plan"]:
        if plan is None:
            batch = await asyncio.to_thread(read_batch, input)
            made, prepared = await asyncio.to_thread(
                plan_batch, batch, choose_of(batch, self.integrations), Origin.read(None)
            )
            if not prepared.ready:
                raise nothing_accepted(prepared.rejected)
            return prepared, _Plan.read(made)
        read = _Plan.read(plan)
        if kept := self.prepared.take(read.message.message_id, read.slices):
            return kept, read
        prepared = await asyncio.to_thread(
            prepare_batch,
            await asyncio.to_thread(read_batch, input),
            choose({"integration": read.integration}, self.integrations),
            MadeUp(read.message.message_id, read.message.timestamp),
            datetime.now(UTC),
            read.first,
            read.settled(),
        )
        return prepared, read

    def _sender(self, integration: Integration, deadline: timedelta) -> Send:
        client = self.clients[integration.name]

        async def send_one(method: str, request: HttpRequest) -> Answer:
            return await send(client, integration.provider, method, request, deadline=deadline)

        return send_one


async def _send_all(
    prepared: PreparedBatch,
    attempt: Attempt,
    send: Send,
    told: Callable[[Answer], JsonObject],
) -> JsonObject:
    """In one request."""
    provider, ready = prepared.integration.provider, prepared.ready
    if not ready:
        return {"accepted": 0, "rejected": [], "responses": []}
    request = prepared.request(datetime.now(UTC))
    attempt.answer = answer = await send(ready[0].method, request)
    if failure := provider.read(answer):
        raise failure
    is_batch = ready[0].content is not None
    refused = provider.refusals(answer, len(ready)) if is_batch else {}
    return {
        "accepted": len(ready) - len(refused),
        "rejected": [ready[place].rejected(error) for place, error in refused.items()],
        "responses": [told(answer)],
    }


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(instant) from None


class _Made(BaseModel):
    message_id: Annotated[str, AfterValidator(lambda text: str(UUID(text)))]
    timestamp: Annotated[AwareDatetime, AfterValidator(_in_utc)]


class _Rejected(BaseModel):
    index: NonNegativeInt


class _Plan(BaseModel):
    """What Validation returned, and what the workflow adds for a slice."""

    integration: str
    message: _Made
    policies: Policies
    rejected: list[_Rejected] = []
    slices: list[tuple[NonNegativeInt, NonNegativeInt]] = []
    first: NonNegativeInt = 0
    skipped: list[NonNegativeInt] = []
    is_part: bool = False

    @classmethod
    def read(cls, plan: Any) -> "_Plan":
        try:
            return cls.model_validate(plan)
        except pydantic.ValidationError:
            raise ValidationError.at("plan", "must be what Validation returned, or null") from None

    def settled(self) -> set[int]:
        """The places of the messages that are not to be sent."""
        return {*self.skipped, *(one.index for one in self.rejected)}

    def deadline(self) -> timedelta:
        """Of one HTTP request: the attempt of a caller's own workflow may be shorter."""
        request = self.policies.request
        ours = (request and request.single_attempt_timeout) or TIMEOUT
        return min(ours, activity.info().start_to_close_timeout or ours) * HTTP_SHARE
