"""Every activity: those of each method, made from the table of methods, and those of batches."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
from temporalio import activity

from activities.batch_preparing import PreparedBatches
from activities.batch_request import BatchRequest
from activities.batch_validation import BatchValidation
from activities.request import Request
from activities.validation import Validation
from durable_analytics.contract import BATCH, METHODS
from durable_analytics.hooks import AttemptFailed
from durable_analytics.integrations import Integrations


def activities(
    integrations: Integrations,
    clients: Mapping[str, httpx.AsyncClient],
    notify: Callable[[AttemptFailed], None],
) -> list[Callable[..., Any]]:
    """The activities, for the `activities` of a Temporal `Worker`.

    Args:
        integrations: All that the worker delivers to.
        clients: An HTTP client an integration, by its name.
        notify: Hears of each failed attempt; returns at once and never raises.
    """
    made: list[Callable[..., Any]] = []
    for method in METHODS.values():
        validation = Validation(method, integrations)
        request = Request(method, integrations, clients, notify)
        made.append(activity.defn(name=method.validation)(validation))
        made.append(activity.defn(name=method.request)(request))
    prepared = PreparedBatches()
    batch = BatchValidation(integrations, prepared)
    made.append(activity.defn(name=BATCH.validation)(batch))
    batch_request = BatchRequest(integrations, clients, notify, prepared)
    made.append(activity.defn(name=BATCH.request)(batch_request))
    return made


def activity_names() -> list[str]:
    """The activity types, sorted."""
    return sorted(name for m in (*METHODS.values(), BATCH) for name in (m.validation, m.request))
