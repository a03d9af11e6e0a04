"""The list of all activities: two for each method, three for batches, and two for pauses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from activities.batch_request import BatchRequest
from activities.batch_send import BatchSend
from activities.batch_validation import BatchValidation
from activities.http import HttpClient
from activities.pause_state import read_state
from activities.prepared_batches import PreparedBatches
from activities.prepared_deliveries import PreparedDeliveries
from activities.queue_limits import SetLimit
from activities.request import Request
from activities.search_attributes import SearchAttributes
from activities.validation import Validation
from durable_analytics.delivery.integrations import Integrations
from durable_analytics.events import AttemptFailed
from durable_analytics.wire.integration_state import READ_STATE, SET_LIMIT
from durable_analytics.wire.methods import BATCH, BATCH_SEND, METHODS


@dataclass(frozen=True, slots=True)
class Activities:
    """The activities of a worker process, for the `activities` of a Temporal `Worker`."""

    validations: list[Callable[..., Any]]
    requests: list[Callable[..., Any]]
    """The activities that send requests to providers."""

    control: list[Callable[..., Any]]
    """The activities about pauses."""


def activities(
    integrations: Integrations,
    clients: Mapping[str, HttpClient],
    notify: Callable[[AttemptFailed], None],
    operator_webhook: str | None = None,
) -> Activities:
    """Make the activities.

    Args:
        integrations: The integrations of the worker.
        clients: The HTTP client of each integration, by name.
        notify: Called with each failed attempt; returns at once and never raises.
        operator_webhook: The integration that gets events about pauses.
    """
    search_attributes, deliveries = SearchAttributes(), PreparedDeliveries()
    set_limit = activity.defn(name=SET_LIMIT)(SetLimit(operator_webhook))
    made = Activities([], [], [set_limit, read_state])
    for method in METHODS.values():
        validation = Validation(method, integrations, deliveries, search_attributes)
        request = Request(method, integrations, clients, notify, deliveries)
        made.validations.append(activity.defn(name=method.validation)(validation))
        made.requests.append(activity.defn(name=method.request)(request))
    prepared = PreparedBatches()
    batch = BatchValidation(integrations, prepared, search_attributes)
    made.validations.append(activity.defn(name=BATCH.validation)(batch))
    for name, kind in ((BATCH.request, BatchRequest), (BATCH_SEND, BatchSend)):
        send = kind(integrations, clients, notify, prepared)
        made.requests.append(activity.defn(name=name)(send))
    return made


def activity_names() -> list[str]:
    """Return the activity types, sorted."""
    methods = (*METHODS.values(), BATCH)
    names = [name for m in methods for name in (m.validation, m.request)]
    return sorted([*names, BATCH_SEND, READ_STATE, SET_LIMIT])
