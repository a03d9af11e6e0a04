"""Where settings come from, and which of them wins."""

from datetime import timedelta
from pathlib import Path

import pytest

from durable_analytics.providers import provider_class
from durable_analytics.providers.segment import Segment
from durable_analytics.providers.trakio import Trakio
from durable_analytics.providers.trophy import Trophy
from worker import IntegrationSettings, Settings, load

SEGMENT = "ANALYTICS_INTEGRATIONS__SEGMENT__"

EVERYTHING = """
task_queue = "marketing"
default_integration = "segment_eu"
graceful_shutdown_timeout = 25
max_concurrent_activities = 7
max_concurrent_workflow_tasks = 8
on_attempt_failed = "builtins:repr"
on_execution_failed = "builtins:str"
log_format = "json"
log_level = "WARNING"

[worker]
processes = 3

[integrations.segment]
write_key = "us-key"

[integrations.segment_eu]
provider = "segment"
write_key = "eu-key"
region = "eu"
base_url = "https://events.example.com/"
public_api_token = "a-token"
regulation_type = "SUPPRESS_ONLY"
allow_policies_override = true
proxy = "http://name:password@proxy.internal:3128"
ca_bundle = "authorities.pem"
[integrations.segment_eu.policies.request]
single_attempt_timeout = "PT5S"
total_timeout = 3600
[integrations.segment_eu.policies.request.retry_policy]
maximum_attempts = 9
non_retryable_error_types = ["RateLimited"]

[integrations.journy]
write_key = "journy-key"

[integrations.rudderstack]
write_key = "rudder-key"
base_url = "https://plane.example.com"

[integrations.trakio]
token = "trakio-token"

[integrations.trophy]
api_key = "trophy-key"
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def segment(settings: Settings) -> tuple[IntegrationSettings, Segment]:
    """The account of that name, and its provider."""
    account = settings.integrations["segment"]
    assert isinstance(account.provider, Segment)
    return account, account.provider


def test_a_file_holds_every_setting(authorities: Path) -> None:
    """Every key of the contract, as TOML."""
    assert authorities.name == "authorities.pem"
    Path("analytics.toml").write_text(EVERYTHING)

    settings = load()

    assert settings.task_queue == "marketing"
    assert settings.default_integration == "segment_eu"
    assert settings.graceful_shutdown_timeout == timedelta(seconds=25)
    assert settings.max_concurrent_activities == 7
    assert settings.max_concurrent_workflow_tasks == 8
    assert settings.worker.processes == 3
    assert settings.on_attempt_failed is repr
    assert settings.on_execution_failed is str
    assert (settings.log_format, settings.log_level) == ("json", "WARNING")
    assert sorted(settings.integrations) == [
        "journy",
        "rudderstack",
        "segment",
        "segment_eu",
        "trakio",
        "trophy",
    ]
    account = settings.integrations["segment_eu"]
    provider = account.provider
    assert isinstance(provider, Segment)
    assert provider.write_key.get_secret_value() == "eu-key"
    assert (provider.region, provider.base_url) == ("eu", "https://events.example.com")
    assert provider.public_api_url == "https://eu1.api.segmentapis.com"
    assert provider.public_api_token
    assert provider.public_api_token.get_secret_value() == "a-token"
    assert provider.regulation_type == "SUPPRESS_ONLY"
    assert account.allow_policies_override is True
    assert account.proxy
    assert account.proxy.get_secret_value() == "http://name:password@proxy.internal:3128"
    assert account.ca_bundle == Path("authorities.pem")
    assert account.policies
    assert account.policies.model_dump(mode="json", exclude_none=True) == {
        "request": {
            "single_attempt_timeout": "PT5S",
            "total_timeout": "PT1H",
            "retry_policy": {
                "maximum_attempts": 9,
                "non_retryable_error_types": ["RateLimited"],
            },
        }
    }


def test_a_write_key_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """One write key is all it takes; the provider is the integration's name."""
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", "k")

    settings = load()

    account, provider = segment(settings)
    assert settings.task_queue == "analytics"
    assert settings.default_integration is None
    assert settings.graceful_shutdown_timeout == timedelta(seconds=10)
    assert settings.worker.processes == 1
    assert (account.policies, account.proxy, account.ca_bundle) == (None, None, None)
    assert account.allow_policies_override is False
    assert (provider.region, provider.base_url) == ("us", "https://api.segment.io")
    assert provider.regulation_type == "SUPPRESS_WITH_DELETE"


def test_the_environment_holds_every_kind_of_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers, durations in seconds, booleans and lists are text there, and are read."""
    eu = "ANALYTICS_INTEGRATIONS__SEGMENT_EU__"
    policy = f"{eu}POLICIES__REQUEST__"
    for name, value in {
        "ANALYTICS_TASK_QUEUE": "marketing",
        "ANALYTICS_DEFAULT_INTEGRATION": "segment_eu",
        "ANALYTICS_GRACEFUL_SHUTDOWN_TIMEOUT": "2.5",
        "ANALYTICS_MAX_CONCURRENT_ACTIVITIES": "7",
        "ANALYTICS_WORKER__PROCESSES": "2",
        "ANALYTICS_ON_ATTEMPT_FAILED": "builtins:repr",
        f"{eu}PROVIDER": "segment",
        f"{eu}WRITE_KEY": "eu-key",
        f"{eu}REGION": "eu",
        f"{eu}ALLOW_POLICIES_OVERRIDE": "true",
        f"{policy}SINGLE_ATTEMPT_TIMEOUT": "4",
        f"{policy}TOTAL_TIMEOUT": "PT1H",
        f"{policy}RETRY_POLICY__MAXIMUM_ATTEMPTS": "3",
        f"{policy}RETRY_POLICY__NON_RETRYABLE_ERROR_TYPES": '["RateLimited"]',
    }.items():
        monkeypatch.setenv(name, value)

    settings = load()

    account = settings.integrations["segment_eu"]
    assert isinstance(account.provider, Segment)
    assert account.provider.region == "eu"
    assert account.allow_policies_override is True
    assert account.policies
    assert account.policies.model_dump(mode="json", exclude_none=True) == {
        "request": {
            "single_attempt_timeout": "PT4S",
            "total_timeout": "PT1H",
            "retry_policy": {
                "maximum_attempts": 3,
                "non_retryable_error_types": ["RateLimited"],
            },
        }
    }
    assert settings.task_queue == "marketing"
    assert settings.default_integration == "segment_eu"
    assert settings.graceful_shutdown_timeout == timedelta(seconds=2.5)
    assert settings.max_concurrent_activities == 7
    assert settings.worker.processes == 2
    assert settings.on_attempt_failed is repr


def test_the_environment_wins_over_secret_files_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each source fills in what those above it leave open, key by key."""
    Path("analytics.toml").write_text(
        """
        [integrations.segment]
        write_key = "from-toml"
        public_api_token = "from-toml"
        base_url = "https://from-toml.example.com"
        regulation_type = "SUPPRESS_ONLY"
        """
    )
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / f"{SEGMENT}WRITE_KEY").write_text("from-file\n")
    (secrets / f"{SEGMENT}PUBLIC_API_TOKEN".lower()).write_text("from-file\n")
    (secrets / "some-other-mount").write_text("not ours")
    monkeypatch.setenv("ANALYTICS_SECRETS_DIR", str(secrets))
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", "from-environment")
    monkeypatch.setenv(f"{SEGMENT}BASE_URL", "https://from-environment.example.com")

    _, provider = segment(load())

    assert provider.write_key.get_secret_value() == "from-environment"
    assert provider.public_api_token
    assert provider.public_api_token.get_secret_value() == "from-file"
    assert provider.base_url == "https://from-environment.example.com"
    assert provider.regulation_type == "SUPPRESS_ONLY"


def test_another_file_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ANALYTICS_CONFIG` is read instead of analytics.toml, not beside it."""
    Path("analytics.toml").write_text('task_queue = "unread"')
    other = tmp_path / "other.toml"
    other.write_text('[integrations.segment]\nwrite_key = "from-other"')
    monkeypatch.setenv("ANALYTICS_CONFIG", str(other))

    settings = load()

    assert settings.task_queue == "analytics"
    assert segment(settings)[1].write_key.get_secret_value() == "from-other"


@pytest.mark.parametrize("looks_like", ["123456", "1e3", "true", "null", '"quoted"', '{"a":1}'])
def test_a_credential_stays_text(looks_like: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it looks like, it is sent as it was written."""
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", looks_like)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__TRAKIO__TOKEN", looks_like)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__TROPHY__API_KEY", looks_like)

    settings = load()

    trakio, trophy = (settings.integrations[name].provider for name in ("trakio", "trophy"))
    assert isinstance(trakio, Trakio)
    assert isinstance(trophy, Trophy)
    assert segment(settings)[1].write_key.get_secret_value() == looks_like
    assert trakio.token.get_secret_value() == looks_like
    assert trophy.api_key.get_secret_value() == looks_like


def test_the_keys_of_a_provider_of_a_third_party(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed provider has its own keys, in the file and in the environment."""
    (tmp_path / "shop_analytics.py").write_text(
        """
from typing import ClassVar
from durable_analytics.providers import Provider

class Shop(Provider):
    title: ClassVar = "Shop"
    shelf: int
    colour: str
"""
    )
    installed = tmp_path / "shop_analytics-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-analytics\nVersion: 1.0")
    (installed / "entry_points.txt").write_text(
        "[durable_analytics.providers]\nshop = shop_analytics:Shop\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    Path("analytics.toml").write_text(
        '[integrations.shop]\nbase_url = "https://shop.example.com"\ncolour = "red"\n'
    )
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SHOP__SHELF", "12")

    provider = load().integrations["shop"].provider

    assert type(provider) is provider_class("shop")
    assert provider.model_dump() == {
        "base_url": "https://shop.example.com",
        "colour": "red",
        "shelf": 12,
    }


def test_no_secret_shows_in_the_settings(
    authorities: Path,
) -> None:
    """Neither `repr` nor `str` nor a dump tells a credential or the proxy's password."""
    assert authorities.is_file()
    Path("analytics.toml").write_text(EVERYTHING)

    settings = load()

    secrets = [
        "us-key",
        "eu-key",
        "a-token",
        "password",
        "journy-key",
        "rudder-key",
        "trakio-token",
        "trophy-key",
    ]
    for shown in (repr(settings), str(settings), f"{settings.model_dump()}"):
        assert [secret for secret in secrets if secret in shown] == []
