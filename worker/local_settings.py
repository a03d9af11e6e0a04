"""The default settings of `make run` for the worker and the gateway."""

import os
from collections.abc import Iterator

from durable_analytics.settings.sources import configured_names, configured_value
from durable_analytics.testing import VENDORS
from worker.local_variables import HOST, LocalVariables

_EXAMPLES = ("segment", "rudderstack", "journy", "posthog")
"""Integrations that accept any `track`."""


def worker_variables(local: LocalVariables) -> Iterator[tuple[str, str]]:
    """Yield the variables of an integration for each provider; those configured by the user stay.

    The integrations deliver to the stand-in.
    """
    configured = configured_names("integrations")
    for name, vendor in VENDORS.items():
        prefix = f"ANALYTICS_INTEGRATIONS__{name.upper()}__"
        if name not in configured:
            base_url = f"http://{HOST}:{local.standin_port}/{name}"
            for setting, value in vendor.integration_settings(base_url).items():
                yield prefix + setting.upper(), value
        if configured_value("integrations", name, "allow_policies_override") is None:
            yield f"{prefix}ALLOW_POLICIES_OVERRIDE", "true"
    if configured_value("default_integration") is None:
        yield "ANALYTICS_DEFAULT_INTEGRATION", "segment"
    yield "ANALYTICS_METRICS_ADDRESS", metrics_addresses(local)[0]


WORKER = "worker"
GATEWAY = "gateway"

_OF_OTHERS = {
    WORKER: ("ANALYTICS_SOURCES__", "ANALYTICS_GATEWAY__", "ANALYTICS_CODEC_SERVER__"),
    GATEWAY: ("ANALYTICS_INTEGRATIONS__", "ANALYTICS_CODEC_SERVER__"),
}
"""The beginnings of variables that a process does not need; they may be credentials."""


def environment_for(program: str) -> dict[str, str]:
    """Return this process's environment without the credentials of other programs."""
    left_out = _OF_OTHERS[program]
    return {k: v for k, v in os.environ.items() if not k.upper().startswith(left_out)}


def gateway_variables(local: LocalVariables) -> Iterator[tuple[str, str]]:
    """Yield the variables of the gateway's address, and of a source for each integration.

    The write key of a source is the name of the integration.
    """
    # Their names alone, with which the gateway checks those of the sources.
    for name in integration_names():
        yield f"ANALYTICS_INTEGRATIONS__{name.upper()}__PROVIDER", name
    yield "ANALYTICS_GATEWAY__HOST", HOST
    yield "ANALYTICS_GATEWAY__PORT", str(local.gateway_port)
    yield "ANALYTICS_GATEWAY__METRICS_ADDRESS", metrics_addresses(local)[1]
    configured = configured_names("sources")
    for name in integration_names():
        if name not in configured:
            yield f"ANALYTICS_SOURCES__{name.upper()}__WRITE_KEY", name
            yield f"ANALYTICS_SOURCES__{name.upper()}__ALLOW_DELETE", "true"


def metrics_addresses(local: LocalVariables) -> tuple[str, str]:
    """Return where the worker and the gateway serve their metrics."""
    worker = configured_value("metrics_address")
    gateway = configured_value("gateway", "metrics_address")
    return (
        str(worker or f"{HOST}:{local.metrics_port}"),
        str(gateway or f"{HOST}:{local.gateway_metrics_port}"),
    )


def integration_names() -> list[str]:
    """Return the names of all integrations, sorted."""
    return sorted({*VENDORS, *configured_names("integrations")})


def example_integration() -> str | None:
    """Return an integration for an example, which delivers to the stand-in; None if there is none.

    A source of that name that the user has configured may deliver to other integrations.
    """
    configured = {*configured_names("integrations"), *configured_names("sources")}
    return next((name for name in _EXAMPLES if name not in configured), None)
