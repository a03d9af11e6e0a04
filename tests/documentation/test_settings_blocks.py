"""The settings on the pages are read as a worker and a gateway read them."""

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

ELSEWHERE = {
    "INTEGRATIONS__SEGMENT__WRITE_KEY": "a-key",
    "INTEGRATIONS__TROPHY__API_KEY": "a-key",
    "SOURCES__SEGMENT__WRITE_KEY": "a-key",
    "USER_HASH_KEYS": "a-key",
}
"""What a reader has set already: integrations that the blocks change, and a key of hashes."""

SECRET = b64encode(b"0" * 32).decode()
"""In the place of each `…`."""


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that settings are read from."""
    for name in [name for name in os.environ if name.upper().startswith("ANALYTICS_")]:
        monkeypatch.delenv(name)
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(f"ANALYTICS_{name}", value)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "analytics.toml"


@pytest.mark.parametrize("block", BLOCKS)
def test_settings_are_right(settings_file: Path, block: str) -> None:
    """Worker and gateway load them, and the worker can make its integrations of them."""
    settings_file.write_text(block.replace("…", SECRET))

    integrations = load().deliverable(have_queues=True)
    sources = GatewaySettings.load().sources

    assert {"segment", "trophy"} <= {*integrations.by_name}
    assert "segment" in sources


@pytest.mark.parametrize("block", BLOCKS)
def test_a_misspelt_setting_beside_them_is_wrong(settings_file: Path, block: str) -> None:
    """So the other test would see one."""
    wrong = block.replace("…", SECRET).replace(" = ", "_misspelt = ", 1)
    settings_file.write_text(wrong)

    with pytest.raises(SettingsError):
        load()
