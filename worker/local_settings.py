"""The default settings of `make run` for the worker and the gateway."""

import os
from collections.abc import Iterator

from durable_analytics.settings.sources import configured_names, configured_value
from durable_analytics.testing import VENDORS
from worker.local_variables import HOST, LocalVariables


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
    configured = configured_names("sources")
    for name in integration_names():
        if name not in configured:
            yield f"ANALYTICS_SOURCES__{name.upper()}__WRITE_KEY", name
            yield f"ANALYTICS_SOURCES__{name.upper()}__ALLOW_DELETE", "true"


def integration_names() -> list[str]:
    """Return the names of all integrations, sorted."""
    return sorted({*VENDORS, *configured_names("integrations")})
