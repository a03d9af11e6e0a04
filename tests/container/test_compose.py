"""The compose file has every provider of this repository, and the options of its server."""

import re
from pathlib import Path

from durable_analytics.providers import provider_class
from durable_analytics.testing import VENDORS
from runtime.embedded_server import server_options

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"


def variables(prefix: str) -> dict[str, str]:
    """The variables in the compose file that begin with a prefix, without it."""
    lines = re.findall(rf"^ +{prefix}(\w+): (.+)$", COMPOSE.read_text(), re.MULTILINE)
    assert len(lines) == len(dict(lines))
    return {name: value.strip('"') for name, value in lines}


def has_foreign_receivers(provider: str) -> bool:
    """Whether an integration of a provider may only send to public addresses."""
    return provider_class(provider).has_foreign_receivers


def test_the_worker_has_an_integration_for_each_provider() -> None:
    """With the settings that the stand-in accepts; it is another host, without TLS."""
    expected = {
        f"{name}__{setting}".upper(): value
        for name, vendor in VENDORS.items()
        for setting, value in {
            **vendor.integration_settings(f"http://standin:8090/{name}"),
            "allow_policies_override": "true",
            # The stand-in is another host of the network of the containers.
            "allow_http": "true",
            **({"allow_private_addresses": "true"} if has_foreign_receivers(name) else {}),
        }.items()
    }

    assert variables("ANALYTICS_INTEGRATIONS__") == expected


def test_the_gateway_has_a_source_for_each_integration() -> None:
    """Its write key is the name of the integration."""
    assert variables("ANALYTICS_SOURCES__") == {
        f"{name.upper()}__WRITE_KEY": name for name in VENDORS
    }


def test_the_server_has_the_options_of_make_run() -> None:
    """All of them, and no other pragma or dynamic configuration."""
    options = server_options()
    expected = [f"{name}={value}" for name, value in zip(options[::2], options[1::2], strict=True)]

    pattern = r"^ +- (--(?:sqlite-pragma|dynamic-config-value)=.+)$"
    assert re.findall(pattern, COMPOSE.read_text(), re.MULTILINE) == expected
