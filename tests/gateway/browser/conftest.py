"""Chromium from Debian, and the browser SDK from npm."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.browser import WEB, Browser, Site
from tests.support.programs import TOOLS, run_program


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    if program := shutil.which("chromium"):
        return program
    reason = "there is no Chromium: apt-get install -y chromium"
    if "CI_REQUIRES_BROWSER" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
async def sdk(chromium: str) -> Path:
    """The folder of the SDK's bundles, installed from the lock file."""
    del chromium
    await run_program(TOOLS / "npm", "ci", "--prefer-offline", "--no-progress", cwd=WEB)
    return WEB / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"


@pytest.fixture
async def browser(chromium: str, sdk: Path, tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser with a new profile."""
    async with Site(sdk) as site:
        yield Browser(chromium, tmp_path, site)
        assert not site.log
