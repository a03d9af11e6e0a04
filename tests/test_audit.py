"""`make audit` fails on a finding, and never calls a package checked that was not."""

import json
import sys

import pytest

from tests.audit import LOCK_FILES, audit, main
from tests.support.json_objects import Json

GOOD: Json = {"name": "good", "version": "1.0", "vulns": []}
BAD: Json = {
    "name": "bad",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}],
}
UNKNOWN: Json = {"name": "unknown", "skip_reason": "Dependency not found"}


def prints(*dependencies: Json, status: int = 0) -> list[str]:
    """A program that prints a report like pip-audit."""
    report = json.dumps({"dependencies": dependencies, "fixes": []})
    return [sys.executable, "-c", f"import sys; print({report!r}); sys.exit({status})"]


@pytest.mark.parametrize(
    ("program", "status", "tolerant", "line"),
    [
        pytest.param(prints(GOOD), 0, 0, "no known vulnerability", id="all-checked"),
        pytest.param(prints(GOOD, BAD, status=1), 1, 1, "bad 1.0: PYSEC-2026-1", id="finding"),
        pytest.param(prints(UNKNOWN, BAD, status=1), 1, 1, "FOUND bad", id="finding-among-unknown"),
        pytest.param(prints(UNKNOWN), 2, 0, "1 of 1 packages (unknown, …)", id="no-entries"),
        pytest.param(
            [sys.executable, "-c", "raise SystemExit('no such host')"],
            2,
            0,
            "NOT CHECKED, the database is out of reach: no such host",
            id="unreachable",
        ),
        pytest.param([sys.executable, "-c", ""], 2, 0, "printed nothing", id="silent"),
    ],
)
def test_the_status_says_what_was_found(
    capsys: pytest.CaptureFixture[str], program: list[str], status: int, tolerant: int, line: str
) -> None:
    """CI goes on where the database is out of reach, but not after a finding."""
    assert main([], program) == status
    assert main(["--allow-unreachable"], program) == tolerant

    assert line in capsys.readouterr().out


def test_a_database_that_does_not_answer_does_not_hold_up_ci() -> None:
    """Nor does a child that keeps the output open."""
    result = audit(["bash", "-c", "sleep 600 & wait"], seconds=0.5)

    assert result.not_checked == "no answer within 0.5 s"


def test_all_lock_files_are_checked() -> None:
    names = {file.name for file in LOCK_FILES}

    assert names == {"requirements.lock", "requirements-dev.lock", "requirements-run.lock"}
