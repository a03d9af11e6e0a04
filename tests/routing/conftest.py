"""A worker with three integrations at the stand-in, of which two have filters."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import Settings

ROUTINGS: Json = {
    "segment": {},
    "posthog": {"consent_categories": ["Analytics"]},
    "trakio": {
        "routing": {
            "events": ["Order *"],
            "drop": ["properties.card"],
            "rename": {"properties.total": "properties.revenue"},
            "hash": ["properties.email"],
        },
    },
    "amplitude": {
        "routing": {"where": {"properties.plan": "pro"}, "drop": ["properties.card"]},
    },
}
"""What the settings of each integration add."""


@pytest.fixture
def settings(standin: StandIn, task_queue: str) -> Settings:
    """The settings of the worker."""
    known = settings_for(standin).integrations
    integrations = {
        name: {
            "provider": name,
            **standin.vendors[name].integration_settings(standin.base_url(name)),
            **more,
        }
        for name, more in ROUTINGS.items()
    }
    assert integrations.keys() <= known.keys()
    return settings_for(
        standin, integrations=integrations, task_queue=task_queue, user_hash_keys=("key",)
    )


@pytest.fixture
async def deliver(temporal: Client, settings: Settings) -> AsyncIterator[Execute]:
    """Run a workflow to an integration; returns its output, of a failure too."""

    async def run(workflow: str, integration: str, **input: Any) -> Json:
        handle = await temporal.start_workflow(
            workflow,
            {"integration": integration, **input},
            id=f"routed-{uuid.uuid4()}",
            task_queue=settings.task_queue,
        )
        return await outcome(handle)

    async with own_worker(temporal, settings):
        yield run
