"""The README says what the code does."""

import re

from durable_analytics.errors import DELIVERY_ERRORS
from durable_analytics.policies import RequestPolicy, RetryPolicy
from gateway.settings import GatewaySettings, Source
from tests.readme_tables import README, written
from worker import Account, Settings
from worker.settings import WorkerSettings

TEXT = README.read_text()


def test_tables_of_methods_are_the_codes() -> None:
    """`make readme` writes them."""
    assert written(TEXT) == TEXT


def test_every_setting_is_told() -> None:
    """Of the worker, of an account, of the gateway and of a source."""
    told = set(re.findall(r"`\.?(?:integrations\.NAME\.)?([a-z_]+)`", TEXT))
    assert set(Settings.model_fields) - {"integrations", "worker"} <= told
    for name in WorkerSettings.model_fields:
        assert f"`worker.{name}`" in TEXT
    assert set(Account.model_fields) <= told
    for name in GatewaySettings.model_fields:
        assert f"`gateway.{name}`" in TEXT
    for name in Source.model_fields:
        assert f"`sources.NAME.{name}`" in TEXT


def test_every_policy_is_told() -> None:
    """By its path below `policies.request`."""
    for name in RequestPolicy.model_fields.keys() - {"retry_policy"}:
        assert f"| `{name}` |" in TEXT
    for name in RetryPolicy.model_fields:
        assert f"| `retry_policy.{name}` |" in TEXT


def test_every_failure_type_is_told() -> None:
    """With whether it is tried again."""
    for name, error in DELIVERY_ERRORS.items():
        (row,) = re.findall(rf"^\| `{name}` \|.*\| (yes|no)", TEXT, flags=re.MULTILINE)
        assert row == ("yes" if error.retried else "no")


def test_commands_exist() -> None:
    """Each `make` target that the README names is one of the Makefile's."""
    targets = set(re.findall(r"`?make ([a-z-]+)`?", TEXT)) - {"it"}
    makefile = (README.parent / "Makefile").read_text()
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
