"""Shows the outcome of an execution in Temporal: search attributes and a line of details."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from durable_analytics.wire.json_writer import PureJson
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.plans import Rejection
from durable_analytics.wire.search_attributes import FAILURE, INTEGRATION, REJECTED

_REGISTERED_KEY = "search_attributes"
"""The key of a plan, or of the details of a Validation's failure, that is true if the search
attributes are registered. If a workflow sets an unregistered search attribute, Temporal fails the
workflow task and retries it forever."""


def conclude(recorded: Mapping[str, Any], output: JsonObject) -> JsonObject:
    """Show the outcome of an execution in Temporal, and return its output.

    Args:
        recorded: The plan, or the details of the failure of Validation.
        output: The output of the contract.

    Raises:
        ApplicationError: The status is `failure`. The first detail of the error is the output.
    """
    output = PureJson(output)  # no other message goes on while a large one is written
    workflow.set_current_details(_describe(output))
    failures = [*_failures(output)]
    if failures and recorded.get(_REGISTERED_KEY) is True:
        _set_search_attributes(output, failures)
    if output["status"] != "failure":
        return output
    error = output["error"]
    # No cause: it would store the same details a second time.
    raise ApplicationError(error["message"], output, type=error["type"], non_retryable=True)


def _describe(output: JsonObject) -> str:
    """Return the outcome in one line."""
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
    return f"{len(rejected)} of {total} refused: {_most_frequent_type(rejected)}{others}"


def _failures(output: JsonObject) -> Iterator[JsonObject]:
    """Yield the outputs of the deliveries that failed, entirely or partly."""
    for delivered in output.get("deliveries", {"": output}).values():
        if delivered["status"] in ("failure", "partial"):
            yield delivered


def _set_search_attributes(output: JsonObject, failures: Sequence[JsonObject]) -> None:
    """Set the search attributes of an execution in which something failed."""
    first = failures[0]
    kind = first["error"]["type"] if "error" in first else _most_frequent_type(first["rejected"])
    updates: list[Any] = [FAILURE.value_set(kind)]
    deliveries = output.get("deliveries")
    names = [*deliveries] if deliveries else [output["integration"]]
    if names[0]:
        updates.append(INTEGRATION.value_set(names))
    rejected = sum(len(one.get("rejected", ())) or (1 if deliveries else 0) for one in failures)
    if rejected:
        updates.append(REJECTED.value_set(rejected))
    workflow.upsert_search_attributes(updates)


def _most_frequent_type(rejected: Sequence[Rejection]) -> str:
    """Return the most frequent error type of the rejected messages."""
    types = Counter(rejection["error"]["type"] for rejection in rejected)
    most: str = max(types, key=lambda name: types[name])
    return most
