"""The procedure of a fan-out: independent deliveries to several integrations in one execution."""

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
"""The largest size of the messages in the outputs of all deliveries; the history has the input."""


async def fan_out(
    method: Method, plan: FanOutPlan, deliver: Callable[[Any], Awaitable[JsonObject]]
) -> JsonObject:
    """Deliver to all integrations at the same time; return the output of the contract.

    Args:
        method: The method, or `BATCH`.
        plan: The plans.
        deliver: Delivers to one integration with its plan, and returns its output, of a failure
            too.
    """
    plans = plan["plans"]
    outputs = await asyncio.gather(*(deliver(one) for one in plans.values()))
    _bound_responses(outputs)
    if method is not BATCH:
        _bound_messages(method, outputs)
    deliveries = dict(zip(plans, outputs, strict=True))
    attempts = None if method is BATCH else _last_attempts(deliveries)
    return fan_out_output(deliveries, attempts)


def _bound_responses(outputs: Iterable[JsonObject]) -> None:
    """Keep only the status of the responses beyond the size limit of one output."""
    places: list[tuple[Any, Any]] = []
    for one in outputs:
        if one.get("response"):
            places.append((one, "response"))
        places += [(one["responses"], index) for index in range(len(one.get("responses", [])))]
    kept = drop_large_bodies(container[key] for container, key in places)
    for (container, key), response in zip(places, kept, strict=True):
        container[key] = response


def _bound_messages(method: Method, outputs: Iterable[JsonObject]) -> None:
    size = 0
    for one in outputs:
        size += len(json.dumps(one[method.key]))
        if size > _MESSAGES_LIMIT_BYTES:
            one[method.key] = None


def _last_attempts(deliveries: dict[str, JsonObject]) -> list[JsonObject]:
    """Return the last attempts at all integrations, oldest first."""
    attempts = [
        {"integration": name, **attempt}
        for name, one in deliveries.items()
        for attempt in one["attempts"]
    ]
    return sorted(attempts, key=lambda attempt: str(attempt["at"]))[-MOST_ATTEMPTS:]
