"""What the tests of the worker share."""

import os
from pathlib import Path

import certifi
import pytest


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine that runs the tests decides anything."""
    for name in [name for name in os.environ if name.upper().startswith(("ANALYTICS_", "LOCAL_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def authorities(tmp_path: Path) -> Path:
    """A file with certificate authorities."""
    path = tmp_path / "authorities.pem"
    path.write_text(Path(certifi.where()).read_text())
    return path
