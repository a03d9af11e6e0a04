"""`Batch.Validation`: parts the good messages from the bad, and plans the requests."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from temporalio import activity
from temporalio.common import RawValue

from activities.batch_preparing import MadeUp, PreparedBatch, PreparedBatches, prepare_batch
from activities.preparing import choose
from activities.validation import Origin, policies_in_force, refusing
from durable_analytics.batches import Batch, fitting, read_batch
from durable_analytics.contract import ABSENT, BATCH
from durable_analytics.errors import ValidationError
from durable_analytics.integrations import Integration, Integrations
from durable_analytics.messages import JsonObject, instant

log = logging.getLogger("durable_analytics.validation")

MOST_REQUESTS = 1_000
"""Of one execution, so that its history stays far below what Temporal takes."""

_MOST_KEPT = 16
"""Slices of one batch that are kept for their requests: there are more where each is small."""

_SHARED_LIMIT_BYTES = 4 * 1024 * 1024
"""What all slices together may repeat in a history."""


@dataclass(eq=False)
class BatchValidation:
    """See the module.

    Args:
        integrations: All that the worker delivers to.
        prepared: Where the messages are left for a Request of the same worker.
    """

    integrations: Integrations
    prepared: PreparedBatches

    async def __call__(self, input: RawValue = ABSENT, origin: RawValue = ABSENT) -> JsonObject:
        """Return the plan; what it rejects stands in it.

        The plan of the contract, and in it `rejected` as in the output, `slices` (the ranges of
        messages, first and behind the last, that go out in a request each), and `one_by_one`,
        whether the requests of the one slice carry a message each.
        """
        with refusing(BATCH) as told:
            # In a thread: a large batch would keep the requests that are on their way waiting.
            batch = await asyncio.to_thread(read_batch, input)
            told.integration = choose_of(batch, self.integrations)
            plan, prepared = await asyncio.to_thread(
                plan_batch, batch, told.integration, Origin.read(origin)
            )
            if len(plan["slices"]) <= _MOST_KEPT and not plan["one_by_one"]:
                self.prepared.keep(plan["message"]["message_id"], prepared, plan["slices"])
            if plan["rejected"]:
                _log_refusals(plan)
            return plan


def _log_refusals(plan: JsonObject) -> None:
    """Say where to look: an execution of which some messages were refused is no failed one."""
    errors = [one["error"] for one in plan["rejected"]]
    fields = [field["path"] for error in errors for field in error["fields"]]
    log.warning(
        "messages refused",
        extra={
            "workflow_id": activity.info().workflow_id,
            "integration": plan["integration"],
            "method": BATCH.key,
            "rejected": len(errors),
            "fields": fields[: ValidationError.MOST_FIELDS],
        },
    )


def choose_of(batch: Batch, integrations: Integrations) -> Integration:
    """The integration that a batch means.

    Raises:
        UnknownIntegration: It is not configured.
    """
    return choose({"integration": batch.input.integration}, integrations)


def plan_batch(
    batch: Batch, integration: Integration, origin: Origin
) -> tuple[JsonObject, PreparedBatch]:
    """Check everything, and return the plan and the messages that are ready.

    Raises:
        ValidationError: What concerns all messages is wrong.
    """
    made_up = MadeUp(origin.message_id(), origin.started_at)
    prepared = prepare_batch(batch, integration, made_up, origin.started_at)
    slices = list(prepared.slices(origin.started_at))
    one_by_one = integration.provider.batch_limits is None
    requests = len(prepared.ready) if one_by_one else len(slices)
    if requests > MOST_REQUESTS:
        raise ValidationError.at(
            "messages",
            f"make {requests} requests at {integration.provider.title}; "
            f"at most {MOST_REQUESTS} fit one execution: send fewer messages",
        )
    shared = len(to_json(batch.input.model_dump(mode="json", exclude={"messages"}))) + len(
        to_json(batch.context)
    )
    if shared * (len(slices) - 1) > _SHARED_LIMIT_BYTES:
        raise ValidationError.at(
            "messages",
            f"make {len(slices)} requests, each with the input's {shared} bytes beside them: "
            "send fewer messages, or a smaller context",
        )
    policies = policies_in_force(BATCH, integration, batch.input.policies)
    plan: dict[str, Any] = {
        "integration": integration.name,
        "message": {
            "message_id": made_up.batch_id,
            "timestamp": instant(made_up.started_at),
        },
        "policies": policies.model_dump(mode="json"),
        "task_queue": activity.info().task_queue,
        "rejected": fitting(prepared.rejected),
        "slices": [list(one) for one in slices],
        "one_by_one": one_by_one,
    }
    return plan, prepared
