"""The command of an operator, for the tests of the keys that it makes."""

import pytest
from temporalio.client import Client

from tests.support.command import Command


@pytest.fixture
def command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, temporal: Client
) -> Command:
    """The command, without settings."""
    return Command(capsys, monkeypatch, temporal, {})
