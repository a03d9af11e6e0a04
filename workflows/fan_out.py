"""The workflow code of a fan-out: one execution delivers to several integrations at once."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from durable_analytics.wire.activity_results import MOST_ATTEMPTS, drop_large_bodies
from durable_analytics.wire.limits import INPUT_LIMIT_BYTES
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, Method
from durable_analytics.wire.outputs import fan_out_output
from durable_analytics.wire.plans import FanOutPlan

_MESSAGES_LIMIT_BYTES = INPUT_LIMIT_BYTES
"""The most bytes of messages in all outputs together. Beyond it, an output has no message; the
message is still in the input in the history."""


async def fan_out(
    method: Method, plan: FanOutPlan, deliver: Callable[[Any], Awaitable[JsonObject]]
) -> JsonObject:
    """Deliver to all integrations at the same time; return the output of the contract.

    Args:
        method: The method, or `BATCH`.
        plan: The plan of each integration.
        deliver: Delivers to one integration according to its plan. It returns the output even if
            the delivery fails.
    """
    plans = plan["plans"]
    outputs = await asyncio.gather(*map(deliver, plans.values()))
    _limit_responses(outputs)
    if method is not BATCH:
        _limit_messages(method, outputs)
    deliveries = dict(zip(plans, outputs, strict=True))
    attempts = None if method is BATCH else _last_attempts(deliveries)
    return fan_out_output(deliveries, attempts)


def _limit_responses(outputs: Iterable[JsonObject]) -> None:
    """Keep all responses together within the size limit of one output.

    Of the responses beyond it, only the status is kept.
    """
    locations: list[tuple[Any, Any]] = []
    for output in outputs:
        if output.get("response"):
            locations.append((output, "response"))
        count = len(output.get("responses", []))
        locations += [(output["responses"], index) for index in range(count)]
    kept = drop_large_bodies(container[key] for container, key in locations)
    for (container, key), response in zip(locations, kept, strict=True):
        container[key] = response


def _limit_messages(method: Method, outputs: Iterable[JsonObject]) -> None:
    """Set the message to None in the outputs beyond the size limit."""
    size = 0
    for output in outputs:
        size += len(json.dumps(output[method.key]))
        if size > _MESSAGES_LIMIT_BYTES:
            output[method.key] = None


def _last_attempts(deliveries: dict[str, JsonObject]) -> list[JsonObject]:
    """Return the most recent attempts of all deliveries together, oldest first."""
    attempts = [
        {"integration": name, **attempt}
        for name, output in deliveries.items()
        for attempt in output["attempts"]
    ]
    return sorted(attempts, key=lambda attempt: str(attempt["at"]))[-MOST_ATTEMPTS:]
