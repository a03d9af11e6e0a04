"""The README matches the code."""

import re

from durable_analytics.errors import DELIVERY_ERRORS
from durable_analytics.wire.policies import RequestPolicy, RetryPolicy
from gateway.settings import GatewaySettings, SourceSettings
from tests.readme_tables import README, with_current_tables
from worker import IntegrationSettings, Settings
from worker.settings import WorkerSettings

TEXT = README.read_text()


def test_tables_of_methods_match_the_code() -> None:
    """`make readme` updates the tables."""
    assert with_current_tables(TEXT) == TEXT


def test_every_setting_is_documented() -> None:
    """Settings of the worker, of an integration, of the gateway and of a source."""
    documented = set(re.findall(r"`\.?(?:integrations\.NAME\.)?([a-z_]+)`", TEXT))
    assert set(Settings.model_fields) - {"integrations", "worker"} <= documented
    for name in WorkerSettings.model_fields:
        assert f"`worker.{name}`" in TEXT
    assert set(IntegrationSettings.model_fields) <= documented
    for name in GatewaySettings.model_fields:
        assert f"`gateway.{name}`" in TEXT
    for name in SourceSettings.model_fields:
        assert f"`sources.NAME.{name}`" in TEXT


def test_every_policy_is_documented() -> None:
    """Each has a row with its path below `policies.request`."""
    for name in RequestPolicy.model_fields.keys() - {"retry_policy"}:
        assert f"| `{name}` |" in TEXT
    for name in RetryPolicy.model_fields:
        assert f"| `retry_policy.{name}` |" in TEXT


def test_every_failure_type_is_documented() -> None:
    """Its row says whether it is retried."""
    for name, error in DELIVERY_ERRORS.items():
        (row,) = re.findall(rf"^\| `{name}` \|.*\| (yes|no)", TEXT, flags=re.MULTILINE)
        assert row == ("yes" if error.retried else "no")


def test_commands_exist() -> None:
    """Each `make` target that the README names is in the Makefile."""
    targets = set(re.findall(r"`?make ([a-z-]+)`?", TEXT)) - {"it"}
    makefile = (README.parent / "Makefile").read_text()
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
