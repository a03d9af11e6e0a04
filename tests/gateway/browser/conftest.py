"""Chromium as Debian has it, and the browser SDK as npm has it."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.examples.conftest import TOOLS, run_program
from tests.gateway.browser.pages import WEB, Browser, Site


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program."""
    if program := shutil.which("chromium"):
        return program
    told = "there is no Chromium: apt-get install -y chromium"
    if "CI_REQUIRES_BROWSER" in os.environ:
        pytest.fail(told)
    pytest.skip(told)


@pytest.fixture(scope="session")
async def sdk(chromium: str) -> Path:
    """The bundles of the SDK, with what the lock file names installed."""
    del chromium
    await run_program(TOOLS / "npm", "ci", "--prefer-offline", "--no-progress", cwd=WEB)
    return WEB / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"


@pytest.fixture
async def browser(chromium: str, sdk: Path, tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser that nobody has used yet."""
    async with Site(sdk) as site:
        yield Browser(chromium, tmp_path, site)
        assert not site.log
