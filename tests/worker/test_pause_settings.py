"""The settings `breaker` and `pause_after_unauthorized` of an integration."""

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from durable_analytics.errors import SettingsError
from durable_analytics.settings.breaker import BreakerSettings
from worker import IntegrationSettings, load

SEGMENT = "ANALYTICS_INTEGRATIONS__SEGMENT__"
PAGE = Path(__file__).parents[2] / "docs" / "operating.md"


def loaded(monkeypatch: pytest.MonkeyPatch, **variables: str) -> IntegrationSettings:
    """Segment's settings with these variables."""
    for name, value in {"WRITE_KEY": "a-key", **variables}.items():
        monkeypatch.setenv(f"{SEGMENT}{name}", value)
    return load().integrations["segment"]


def test_defaults_are_those_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which the documentation names."""
    segment = loaded(monkeypatch)

    half_a_minute = timedelta(seconds=30)
    assert segment.breaker == BreakerSettings(
        failure_share=0.8, minimum=20, window=half_a_minute, open_for=half_a_minute
    )
    assert segment.pause_after_unauthorized == 10


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the breaker, where all is text."""
    segment = loaded(
        monkeypatch,
        BREAKER__MINIMUM="5",
        BREAKER__OPEN_FOR="PT1M",
        PAUSE_AFTER_UNAUTHORIZED="0",
    )

    assert segment.breaker == BreakerSettings(minimum=5, open_for=timedelta(minutes=1))
    assert segment.pause_after_unauthorized == 0


def test_false_switches_the_breaker_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment, too."""
    assert loaded(monkeypatch, BREAKER="false").breaker is False


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"BREAKER": "true"}, "breaker: must be false, or a table with"),
        ({"BREAKER__FAILURE_SHARE": "1.1"}, "breaker.failure_share: "),
        ({"BREAKER__FAILURE_SHARE": "0"}, "breaker.failure_share: "),
        ({"BREAKER__MINIMUM": "0"}, "breaker.minimum: "),
        ({"BREAKER__OPEN_FOR": "PT11M"}, "breaker.open_for: "),
        ({"BREAKER__WINDOW": "PT0.5S"}, "breaker.window: "),
        ({"BREAKER__WINDO": "PT5S"}, "breaker.windo"),
        ({"PAUSE_AFTER_UNAUTHORIZED": "-1"}, "pause_after_unauthorized: "),
    ],
)
def test_wrong_value_stops_the_worker(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], problem: str
) -> None:
    """One line, which names the setting."""
    with pytest.raises(SettingsError) as raised:
        loaded(monkeypatch, **variables)

    (line,) = raised.value.problems
    assert f"integrations.segment.{problem}" in line


def test_settings_in_the_documentation_load() -> None:
    """As they are written there."""
    section = PAGE.read_text().partition("## When an integration pauses by itself")[2]
    found = re.search(r"```toml\n(.*?)```", section, flags=re.DOTALL)
    assert found
    written: Any = tomllib.loads(found[1])["integrations"]["segment"]

    settings = IntegrationSettings.model_validate(
        {"provider": "segment", "write_key": "a-key", **written}
    )

    assert settings.pause_after_unauthorized == 0
    assert settings.breaker == BreakerSettings(
        failure_share=0.5,
        minimum=10,
        window=timedelta(minutes=1),
        open_for=timedelta(minutes=1),
    )
