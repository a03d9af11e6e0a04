"""How many messages of an execution reached which stage: for metrics and for `report`."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from durable_analytics.errors import (
    DELIVERY_ERRORS,
    TransformationError,
    UnknownIntegration,
    UnsupportedMethod,
    ValidationError,
)
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, Method
from durable_analytics.wire.parsing import decode_batch

Stage = Literal["received", "refused", "filtered", "delivered", "failed"]

STAGES: tuple[Stage, ...] = ("received", "refused", "filtered", "delivered", "failed")
"""Each message is received, and ends in one of the other stages."""

CANCELED = "Canceled"
"""The reason of a message whose execution was cancelled, spelled as Temporal spells it."""

FILTERED_BY = frozenset(
    {"integrations", "consent", "routing", "transform", "suppressed", "unsupported"}
)

REASONS = frozenset({"", CANCELED, *DELIVERY_ERRORS, *FILTERED_BY})
"""All reasons: none for `received` and `delivered`."""

_REFUSALS = frozenset(
    error.wire_name()
    for error in (ValidationError, UnknownIntegration, UnsupportedMethod, TransformationError)
)
"""The failure types of messages of which nothing was sent."""


class MessageCount(NamedTuple):
    """Messages to one integration that have reached a stage."""

    integration: str | None
    """None if the integration is not known."""

    stage: Stage
    reason: str
    """The failure type, or what has filtered them; empty if the stage needs no reason."""

    messages: int


def count_messages(method: Method, read_input: Callable[[], Any], plan: Mapping[str, Any]) -> int:
    """Return the number of messages of an execution, for each of its integrations.

    Args:
        method: The method.
        read_input: Returns the raw input.
        plan: The plan of its Validation; without one, as after a failure, the input is read.
    """
    if method is not BATCH:
        return 1
    for one in (plan.get("plans") or {"": plan}).values():
        if "slices" in one:
            settled = (*one["rejected"], *one.get("filtered_messages", ()))
            indexes = {message["index"] for message in settled}
            return len(indexes.union(*(range(*bounds) for bounds in one["slices"])))
    try:
        data = decode_batch(read_input())
    except ValidationError:
        return 1
    messages = data.get("messages") if isinstance(data, dict) else None
    # An execution without messages was refused, which must be seen.
    return max(len(messages), 1) if isinstance(messages, list) else 1


def integrations_of(plan: Mapping[str, Any]) -> list[str | None]:
    """Return the integrations of a plan, or of the details of a failed Validation."""
    return list(plan["plans"]) if plan.get("plans") else [plan.get("integration")]


def count_ended(output: JsonObject, messages: int) -> Iterator[MessageCount]:
    """Yield how the messages of an output ended; their sum is the number of messages.

    Args:
        output: The output of the contract, also of a failure or a fan-out.
        messages: The number of messages for each integration; it counts only if the output does not
            list them.
    """
    if deliveries := output.get("deliveries"):
        for name, one in deliveries.items():
            yield from count_ended({**one, "integration": name}, messages)
        return
    counts: Counter[tuple[Stage, str]] = Counter()
    if "accepted" in output:
        counts["delivered", ""] = output["accepted"]
        for rejection in output["rejected"]:
            counts[_stage(rejection["error"])] += 1
        for filtered in output.get("filtered", ()):
            counts["filtered", filtered["by"]] += 1
    if error := output.get("error"):
        # A batch that Validation has refused as a whole lists no messages.
        counts[_stage(error)] += 0 if counts.total() else messages
    elif "accepted" not in output:
        filtered = output.get("filtered")
        counts[("filtered", filtered["by"]) if filtered else ("delivered", "")] = messages
    for (stage, reason), count in counts.items():
        if count > 0:
            yield MessageCount(output.get("integration"), stage, reason, count)


def _stage(error: JsonObject) -> tuple[Stage, str]:
    return ("refused" if error["type"] in _REFUSALS else "failed"), error["type"]
