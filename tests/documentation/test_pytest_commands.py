"""Checks that the `pytest` commands of the pages find their tests; `make test-slow` runs those."""

import sys

import pytest

from tests.documentation.pages import ROOT, commands, page
from tests.support.programs import run_program

pytestmark = pytest.mark.slow

PROGRAM = ".venv/bin/python -m pytest tests/"
EXPECTED_TESTS = {
    "observability": "test_an_alert_fires_when_it_should_and_only_then",
    "operating": "test_rollout_and_rollback_with_a_thousand_messages_in_flight",
    "security": "tests/end_to_end/test_key_rotation.py::",
}
"""A test that the command of each page finds."""


@pytest.mark.parametrize("name", EXPECTED_TESTS)
async def test_command_finds_its_tests(name: str) -> None:
    (line,) = (line for line in commands(page(name)) if line.startswith(PROGRAM))
    line = line.replace(".venv/bin/python", sys.executable)

    printed = await run_program(
        "bash", "-ec", line, cwd=ROOT, PYTEST_ADDOPTS="--collect-only --quiet"
    )

    assert EXPECTED_TESTS[name] in printed
