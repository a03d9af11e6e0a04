"""Loads the TOML blocks of the pages as the settings of a worker and of a gateway."""

import os
from base64 import b64encode
from pathlib import Path

import pytest

from durable_analytics.errors import SettingsError
from gateway.settings import Settings as GatewaySettings
from tests.documentation.pages import blocks, page
from worker import load

PAGES = ("getting-started", "observability", "operating", "routing", "settings")
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name in PAGES
    for number, block in enumerate(blocks(page(name), "toml"))
]

OTHER_SETTINGS = {
    "INTEGRATIONS__SEGMENT__WRITE_KEY": "a-key",
    "INTEGRATIONS__TROPHY__API_KEY": "a-key",
    "SOURCES__SEGMENT__WRITE_KEY": "a-key",
    "USER_HASH_KEYS": "a-key",
}
"""Settings that the blocks need: they change these integrations, and one hashes user ids."""

SECRET = b64encode(b"0" * 32).decode()
"""The value that replaces each `…`."""


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the file from which the settings are read."""
    for name in [name for name in os.environ if name.upper().startswith("ANALYTICS_")]:
        monkeypatch.delenv(name)
    for name, value in OTHER_SETTINGS.items():
        monkeypatch.setenv(f"ANALYTICS_{name}", value)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "analytics.toml"


@pytest.mark.parametrize("block", BLOCKS)
def test_settings_can_be_loaded(settings_file: Path, block: str) -> None:
    """The worker and the gateway load them, and the worker can create its integrations."""
    settings_file.write_text(block.replace("…", SECRET))

    integrations = load().deliverable(have_queues=True)
    sources = GatewaySettings.load().sources

    assert {"segment", "trophy"} <= {*integrations.by_name}
    assert "segment" in sources


@pytest.mark.parametrize("block", BLOCKS)
def test_a_misspelt_setting_would_be_found(settings_file: Path, block: str) -> None:
    """So the other test fails if a page misspells a setting."""
    wrong = block.replace("…", SECRET).replace(" = ", "_misspelt = ", 1)
    settings_file.write_text(wrong)

    with pytest.raises(SettingsError):
        load()
