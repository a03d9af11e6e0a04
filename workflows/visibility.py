"""What Temporal shows of an execution: search attributes of failures, and details in one line."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.plans import Rejection
from durable_analytics.wire.search_attributes import FAILURE, INTEGRATION, REJECTED

REGISTERED = "search_attributes"
"""The key of a plan, or of a Validation's failure, that says that they are registered. Temporal
fails a workflow task that sets one that is not, and retries it for ever."""


def conclude(recorded: Mapping[str, Any], output: JsonObject) -> JsonObject:
    """Show the outcome of an execution in Temporal, and return its output.

    Args:
        recorded: The plan, or the details of the Validation's failure.
        output: The output of the contract.

    Raises:
        ApplicationError: The status is `failure`; the output is its first detail.
    """
    workflow.set_current_details(_describe(output))
    failures = [*_failures(output)]
    if failures and recorded.get(REGISTERED) is True:
        _upsert(output, failures)
    if output["status"] != "failure":
        return output
    error = output["error"]
    # Without a cause, which would store the same details again.
    raise ApplicationError(error["message"], output, type=error["type"], non_retryable=True)


def _describe(output: JsonObject) -> str:
    if deliveries := output.get("deliveries"):
        return ", ".join(f"{name}: {one['status']}" for name, one in deliveries.items())
    name, status = output["integration"], output["status"]
    if status == "failure":
        target = f" to {name}" if name else ""
        response = output.get("response") or next(iter(output.get("responses", [])[-1:]), None)
        code = f", HTTP {response['status_code']}" if response else ""
        return f"not delivered{target}: {output['error']['type']}{code}"
    if "accepted" not in output:
        if status == "filtered":
            return f"not for {name}: filtered by {output['filtered']['by']}"
        return f"delivered to {name}: HTTP {output['response']['status_code']}"
    accepted, filtered = output["accepted"], output.get("filtered_count", 0)
    others = f", {filtered} filtered" if filtered else ""
    rejected: list[Rejection] = output["rejected"]
    if not rejected:
        return f"{accepted} delivered to {name}{others}"
    total = accepted + len(rejected) + filtered
    return f"{len(rejected)} of {total} refused: {_most_frequent(rejected)}{others}"


def _failures(output: JsonObject) -> Iterator[JsonObject]:
    """Yield the deliveries of which something failed."""
    for one in output.get("deliveries", {"": output}).values():
        if one["status"] in ("failure", "partial"):
            yield one


def _upsert(output: JsonObject, failures: Sequence[JsonObject]) -> None:
    """Set the search attributes of an execution in which something failed."""
    first = failures[0]
    kind = first["error"]["type"] if "error" in first else _most_frequent(first["rejected"])
    updates: list[Any] = [FAILURE.value_set(kind)]
    deliveries = output.get("deliveries")
    names = [*deliveries] if deliveries else [output["integration"]]
    if names[0]:
        updates.append(INTEGRATION.value_set(names))
    rejected = sum(len(one.get("rejected", ())) or (1 if deliveries else 0) for one in failures)
    if rejected:
        updates.append(REJECTED.value_set(rejected))
    workflow.upsert_search_attributes(updates)


def _most_frequent(rejected: Sequence[Rejection]) -> str:
    types = Counter(rejection["error"]["type"] for rejection in rejected)
    most: str = max(types, key=lambda name: types[name])
    return most
