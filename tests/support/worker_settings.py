"""Settings of workers whose integrations are at the stand-in."""

from typing import Any

from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from worker import Settings

QUICK_RETRIES: Json = {
    "request": {"retry_policy": {"initial_interval": "PT0.05S", "maximum_interval": "PT1S"}}
}
"""Policies whose second attempt does not wait for a second, as by default."""


def settings_for(standin: StandIn, *, policies: Json | None = None, **changes: Any) -> Settings:
    """An integration for each provider, all of them at the stand-in.

    Args:
        standin: The stand-in.
        policies: The policies of each integration.
        changes: Other settings.
    """
    integrations: Json = {
        name: {
            "allow_policies_override": True,
            "policies": policies or {},
            **vendor.integration_settings(standin.base_url(name)),
        }
        for name, vendor in standin.vendors.items()
    }
    options = {"integrations": integrations, "default_integration": "segment", **changes}
    return Settings(**options)


def settings_with(standin: StandIn, task_queue: str, **account: object) -> Settings:
    """Segment's account with these settings, beside the stand-in's others."""
    settings = settings_for(standin, task_queue=task_queue)
    others = {
        name: integration
        for name, integration in settings.integrations.items()
        if name != "segment"
    }
    segment = {"write_key": "a-key", "allow_policies_override": True, **account}
    return settings_for(standin, task_queue=task_queue, integrations={**others, "segment": segment})
