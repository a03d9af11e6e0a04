"""What Temporal shows of an execution: search attributes of failures, and details in one line."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from temporalio import workflow

from durable_analytics.wire.plans import Filtered, Rejection, Response
from durable_analytics.wire.search_attributes import FAILURE, INTEGRATION, REJECTED

REGISTERED = "search_attributes"
"""The key of a plan, or of a Validation's failure, that says that they are registered. Temporal
fails a workflow task that sets one that is not, and retries it for ever."""


def show_delivered(integration: str, response: Response) -> None:
    """Show that a message was delivered."""
    workflow.set_current_details(f"delivered to {integration}: HTTP {response['status_code']}")


def show_filtered(integration: str, filtered: Filtered) -> None:
    """Show that a message was rightly not sent."""
    workflow.set_current_details(f"not for {integration}: filtered by {filtered['by']}")


def show_failed(
    recorded: Mapping[str, Any],
    integration: str | None,
    error_type: str,
    response: Response | None,
    *,
    rejected: int = 0,
) -> None:
    """Show that nothing was delivered.

    Args:
        recorded: The plan, or the details of the Validation's failure.
        integration: The integration, if it is known.
        error_type: The failure type.
        response: The last response of the provider, if there was one.
        rejected: How many messages of a batch were refused.
    """
    target = f" to {integration}" if integration else ""
    status = f", HTTP {response['status_code']}" if response else ""
    workflow.set_current_details(f"not delivered{target}: {error_type}{status}")
    _upsert(recorded, integration, error_type, rejected)


def show_batch(
    plan: Mapping[str, Any], accepted: int, rejected: Sequence[Rejection], filtered: int
) -> None:
    """Show that a batch was delivered, at least in part, or was filtered."""
    others = f", {filtered} filtered" if filtered else ""
    if not rejected:
        workflow.set_current_details(f"{accepted} delivered to {plan['integration']}{others}")
        return
    types = Counter(rejection["error"]["type"] for rejection in rejected)
    most_frequent = max(types, key=lambda name: types[name])
    total = accepted + len(rejected) + filtered
    workflow.set_current_details(f"{len(rejected)} of {total} refused: {most_frequent}{others}")
    _upsert(plan, plan["integration"], most_frequent, len(rejected))


def _upsert(
    recorded: Mapping[str, Any], integration: str | None, error_type: str, rejected: int
) -> None:
    if recorded.get(REGISTERED) is not True:
        return
    updates: list[Any] = [FAILURE.value_set(error_type)]
    if integration:
        updates.append(INTEGRATION.value_set([integration]))
    if rejected:
        updates.append(REJECTED.value_set(rejected))
    workflow.upsert_search_attributes(updates)
