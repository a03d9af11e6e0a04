"""The outputs of executions, with their keys in the order of the contract."""

from collections.abc import Mapping, Sequence

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import Method
from durable_analytics.wire.plans import (
    AttemptRecord,
    Filtered,
    FilteredMessage,
    Rejection,
    Response,
)


def output(
    method: Method,
    *,
    integration: str | None,
    message: JsonObject | None,
    response: Response | None,
    attempts: Sequence[AttemptRecord],
    policies: JsonObject | None,
    left_out: Mapping[str, int] | None = None,
    violations: Mapping[str, int] | None = None,
    filtered: Filtered | None = None,
    error: JsonObject | None = None,
) -> JsonObject:
    """Return the output of one message; unknown values of a failure are null.

    Args:
        method: The method, whose key holds the message.
        integration: The integration that the message was meant for.
        message: The message as it was delivered.
        response: The provider's last response; null if there was none.
        attempts: The last attempts, oldest first.
        policies: The policy that was applied, in full.
        left_out: The fields that the provider has no field for.
        violations: The paths of values that break the tracking plan.
        filtered: Why the message was rightly not sent.
        error: `{"type", "message", "fields"}` of a failure.
    """
    return {
        "status": "failure" if error else "filtered" if filtered else "success",
        "integration": integration,
        **({"error": error} if error else {}),
        **({"filtered": filtered} if filtered else {}),
        method.key: message,
        "response": response,
        **({"left_out": left_out} if left_out else {}),
        **({"violations": violations} if violations else {}),
        "attempts": list(attempts),
        "policies": policies,
    }


def batch_output(
    *,
    integration: str | None,
    accepted: int = 0,
    rejected: Sequence[Rejection] = (),
    filtered: Sequence[FilteredMessage] = (),
    responses: Sequence[Response] = (),
    policies: JsonObject | None,
    left_out: Mapping[str, int] | None = None,
    violations: Mapping[str, int] | None = None,
    error: JsonObject | None = None,
) -> JsonObject:
    """Return the output of a batch.

    Args:
        integration: The integration that the messages were meant for.
        accepted: How many messages the provider accepted.
        rejected: A description of each message that was not accepted.
        filtered: A description of each message that was rightly not sent.
        responses: The provider's responses, one a request.
        policies: The policy that was applied, in full.
        left_out: The fields that the provider has no field for, and in how many messages.
        violations: The paths of values that break the tracking plan, and in how many messages.
        error: `{"type", "message", "fields"}` if no message was accepted.
    """
    status = "failure" if error else "partial" if rejected else "success"
    if filtered and not accepted and not rejected:
        status = "filtered"
    return {
        "status": status,
        "integration": integration,
        **({"error": error} if error else {}),
        "accepted": accepted,
        "rejected": sorted(rejected, key=lambda rejection: rejection["index"]),
        **({"filtered_count": len(filtered), "filtered": list(filtered)} if filtered else {}),
        "responses": list(responses),
        **({"left_out": left_out} if left_out else {}),
        **({"violations": violations} if violations else {}),
        "policies": policies,
    }


def fan_out_output(
    deliveries: Mapping[str, JsonObject], attempts: Sequence[JsonObject] | None
) -> JsonObject:
    """Return the output of a fan-out.

    Args:
        deliveries: The output for each integration, by its name.
        attempts: The last attempts of a single message; None for a batch.
    """
    statuses = [one["status"] for one in deliveries.values()]
    error = next((one["error"] for one in deliveries.values() if "error" in one), None)
    if {*statuses} == {"filtered"}:
        status = "filtered"
    elif not {"success", "partial"}.intersection(statuses):
        status = "failure"
    else:
        status = "partial" if {"partial", "failure"}.intersection(statuses) else "success"
    return {
        "status": status,
        "deliveries": dict(deliveries),
        **({"error": error} if status == "failure" else {}),
        **({"attempts": list(attempts)} if attempts is not None else {}),
    }


_MOST_NAMES = 20
"""Fields that `left_out` names; the other fields are counted together."""

_LONGEST_NAME = 100
"""Characters of a field's name."""


def count_left_out(times: Mapping[str, int]) -> dict[str, int]:
    """Return the `left_out` of an output: the number of messages per field, most frequent first.

    >>> count_left_out({"anonymous_id": 3, "timestamp": 7})
    {'timestamp': 7, 'anonymous_id': 3}
    """
    ordered = sorted(times.items(), key=lambda entry: (-entry[1], entry[0]))
    counted: dict[str, int] = {}
    for position, (name, count) in enumerate(ordered):
        shown = name[:_LONGEST_NAME] if position < _MOST_NAMES else "…"
        counted[shown] = counted.get(shown, 0) + count
    return counted
