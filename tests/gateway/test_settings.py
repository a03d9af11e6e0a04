"""The settings of the gateway, and those that it shares with the worker."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from codec_server.settings import Settings as CodecServerSettings
from gateway.settings import GatewaySettings, Settings
from runtime.settings import ProcessSettings
from worker.settings import Settings as WorkerSettings

BOTH = """
task_queue = "shared"

[integrations.segment]
write_key = "segment-key"

[integrations.journy]
write_key = "journy-key"

[gateway]
port = 9000
gather_interval = 0.001
cors_origins = ["https://shop.example.com"]

[sources.shop]
write_key = "shop-key"
integrations = ["segment", "journy"]
requests_per_second = 2.5

[sources.journy]
write_key = "journy-source-key"
"""


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all settings of the machine that runs the tests."""
    for name in [name for name in os.environ if name.upper().startswith("ANALYTICS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_write_key_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source delivers to the integration with its name."""
    monkeypatch.setenv("ANALYTICS_SOURCES__SEGMENT__WRITE_KEY", "k")

    settings = Settings.load()

    assert settings.gateway == GatewaySettings()
    assert settings.gateway.model_dump() == {
        "host": "127.0.0.1",
        "port": 8088,
        "cors_origins": ["*"],
        "gather_interval": timedelta(milliseconds=5),
        "trusted_proxies": ["127.0.0.1"],
        "answer_timeout": timedelta(seconds=10),
    }
    source = settings.sources["segment"]
    assert source.model_dump(exclude={"write_key"}) == {
        "integrations": ["segment"],
        "allow_delete": False,
        "tracking_plan": None,
        "on_violation": "block",
        "body_limit_bytes": 512_000,
        "message_limit_bytes": 32_768,
        "messages_limit": 2500,
        "requests_per_second": None,
    }
    assert "'k'" not in repr(settings)


def test_gateway_and_worker_share_a_file() -> None:
    """Each process ignores the sections of the other."""
    Path("analytics.toml").write_text(BOTH)

    gateway, worker = Settings.load(), WorkerSettings.load()

    assert gateway.task_queue == worker.task_queue == "shared"
    assert gateway.gateway.port == 9000
    assert gateway.gateway.gather_interval == timedelta(milliseconds=1)
    assert gateway.gateway.cors_origins == ["https://shop.example.com"]
    assert gateway.sources["shop"].integrations == ["segment", "journy"]
    assert gateway.sources["shop"].requests_per_second == 2.5
    assert gateway.sources["journy"].integrations == ["journy"]
    assert set(worker.integrations) == {"segment", "journy"}


def test_gateway_and_worker_share_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It overrides the file; lists and numbers are text."""
    Path("analytics.toml").write_text(BOTH)
    for name, value in {
        "GATEWAY__PORT": "9001",
        "GATEWAY__GATHER_INTERVAL": "PT0.02S",
        "GATEWAY__ANSWER_TIMEOUT": "0.5",
        "GATEWAY__CORS_ORIGINS": "https://a.example.com, https://b.example.com",
        "SOURCES__SHOP__INTEGRATIONS": "journy,segment",
        "SOURCES__SHOP__ALLOW_DELETE": "true",
        "INTEGRATIONS__SEGMENT__REGION": "eu",  # journy is configured in the file only
        "WORKER__PROCESSES": "2",
        "MAX_CONCURRENT_ACTIVITIES": "7",
    }.items():
        monkeypatch.setenv(f"ANALYTICS_{name}", value)

    gateway, worker = Settings.load(), WorkerSettings.load()

    assert gateway.gateway.port == 9001
    assert gateway.gateway.gather_interval == timedelta(milliseconds=20)
    assert gateway.gateway.answer_timeout == timedelta(milliseconds=500)
    assert gateway.gateway.cors_origins == ["https://a.example.com", "https://b.example.com"]
    assert gateway.sources["shop"].integrations == ["journy", "segment"]
    assert gateway.sources["shop"].allow_delete
    assert (worker.worker.processes, worker.max_concurrent_activities) == (2, 7)


def test_each_process_knows_the_settings_of_the_other() -> None:
    """A new setting cannot be forgotten."""
    shared = set(ProcessSettings.model_fields)

    programs = (Settings, WorkerSettings, CodecServerSettings)
    for program in programs:
        others = (set(one.model_fields) for one in programs if one is not program)
        assert program.elsewhere == set().union(*others) - shared


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", []),
        ("*", ["*"]),
        ("null", ["null"]),
        (
            "http://localhost:3000, capacitor://localhost,https://[::1]:8443",
            ["http://localhost:3000", "capacitor://localhost", "https://[::1]:8443"],
        ),
    ],
)
def test_origins_that_browsers_send(
    monkeypatch: pytest.MonkeyPatch, text: str, origins: list[str]
) -> None:
    """Empty text is no origin."""
    monkeypatch.setenv("ANALYTICS_SOURCES__SEGMENT__WRITE_KEY", "k")
    monkeypatch.setenv("ANALYTICS_GATEWAY__CORS_ORIGINS", text)

    assert Settings.load().gateway.cors_origins == origins


@pytest.mark.parametrize(
    ("text", "proxies"),
    [
        ("", []),
        ("*", ["*"]),
        ("10.0.0.0/8, 192.0.2.1,2001:db8::/32", ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]),
    ],
)
def test_proxies_that_can_be_recognised(
    monkeypatch: pytest.MonkeyPatch, text: str, proxies: list[str]
) -> None:
    """Empty text is no proxy."""
    monkeypatch.setenv("ANALYTICS_SOURCES__SEGMENT__WRITE_KEY", "k")
    monkeypatch.setenv("ANALYTICS_GATEWAY__TRUSTED_PROXIES", text)

    assert Settings.load().gateway.trusted_proxies == proxies
