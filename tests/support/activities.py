"""Every activity outside of any worker, with a provider that takes everything."""

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.batch_request import BatchRequest
from activities.batch_send import BatchSend
from activities.batch_validation import BatchValidation
from activities.http import HttpClient
from activities.prepared_batches import PreparedBatches
from activities.request import Request
from activities.validation import Validation
from durable_analytics.testing import VENDORS
from durable_analytics.wire.methods import METHODS
from worker import Settings

SETTINGS = Settings(
    integrations={
        name: {
            "allow_policies_override": True,
            **vendor.integration_settings(f"http://127.0.0.1:9/{name}"),
        }
        for name, vendor in VENDORS.items()
    }
)


def raw(value: Any) -> RawValue:
    """A value as it arrives."""
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=to_json(value)))


def run(activity: str, *arguments: RawValue) -> Any:
    """Run an activity; returns its result, or the type of its failure.

    Args:
        activity: Like "Track.Validation".
        arguments: As they arrive.
    """
    return asyncio.run(_run(activity, arguments))


async def _run(name: str, arguments: tuple[RawValue, ...]) -> Any:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"success": True}))
    clients = {
        name: HttpClient(httpx.AsyncClient(transport=transport)) for name in SETTINGS.integrations
    }
    workflow, _, step = name.partition(".")
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, retry_policy=RetryPolicy(), start_to_close_timeout=timedelta(minutes=5)
    )
    try:
        return await environment.run(_activity(workflow, step, clients), *arguments)
    except ApplicationError as error:
        return error.type


def _activity(workflow: str, step: str, clients: dict[str, HttpClient]) -> Callable[..., Any]:
    integrations = SETTINGS.deliverable()
    if workflow == "Batch":
        prepared = PreparedBatches()
        if step == "Validation":
            return BatchValidation(integrations, prepared)
        kind = BatchSend if step == "Send" else BatchRequest
        return kind(integrations, clients, lambda _: None, prepared)
    method = METHODS[workflow.lower()]
    if step == "Validation":
        return Validation(method, integrations)
    return Request(method, integrations, clients, lambda _: None)
