"""`make audit`: compares all locked dependencies with the database of known vulnerabilities.

pip-audit alone succeeds if it finds no entry of a package, for example at a mirror that has
packages but no vulnerabilities. Here, what was not checked is an error, or with
`--allow-unreachable` a line.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOCK_FILES = sorted((Path(__file__).parent.parent).glob("requirements*.lock"))
UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
PIP_AUDIT = (UV, "tool", "run", "pip-audit@2.10.1")
OPTIONS = ("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off")
_LONGEST_SECONDS = 60
_MOST_NAMED = 3


@dataclass(frozen=True)
class Audit:
    """What an audit has found."""

    findings: list[str]
    """The known vulnerabilities, a line each."""

    not_checked: str = ""
    """Why some packages, or all, were not checked; empty if all were."""

    def status(self, *, allow_unreachable: bool) -> int:
        """The exit status: 1 after a finding, 2 if not all was checked."""
        if self.findings:
            return 1
        return 2 if self.not_checked and not allow_unreachable else 0


def read(report: str) -> Audit:
    """Read what pip-audit writes as JSON.

    Raises:
        ValueError: It is no such report.
    """
    dependencies = json.loads(report)["dependencies"]
    skipped = [one["name"] for one in dependencies if "skip_reason" in one]
    findings = [
        f"{one['name']} {one['version']}: {found['id']} (fixed in: {found['fix_versions']})"
        for one in dependencies
        for found in one.get("vulns", ())
    ]
    if not skipped:
        return Audit(findings)
    names = ", ".join(skipped[:_MOST_NAMED])
    reason = f"no entries for {len(skipped)} of {len(dependencies)} packages ({names}, …)"
    return Audit(findings, reason)


def audit(command: Sequence[str], seconds: float = _LONGEST_SECONDS) -> Audit:
    """Run pip-audit, and read its report.

    Args:
        command: pip-audit, with all arguments.
        seconds: How long it may take.
    """
    # In a session of its own, because uv runs pip-audit as a child.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            report, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return Audit([], f"no answer within {seconds:g} s")
    try:
        return read(report)
    except ValueError:
        *_, line = ["pip-audit printed nothing", *errors.strip().splitlines()]
        return Audit([], line)


def main(arguments: Sequence[str] | None = None, program: Sequence[str] = PIP_AUDIT) -> int:
    """Audit, say what was found, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.audit", description=__doc__)
    parser.add_argument("--allow-unreachable", action="store_true")
    allow_unreachable = parser.parse_args(arguments).allow_unreachable
    files = [argument for file in LOCK_FILES for argument in ("--requirement", str(file))]
    result = audit([*program, *OPTIONS, *files])
    lines = [f"audit: FOUND {one}" for one in result.findings]
    if result.not_checked:
        lines.append(f"audit: NOT CHECKED, the database is out of reach: {result.not_checked}")
    if not lines:
        lines.append("audit: no known vulnerability in the locked dependencies")
    sys.stdout.write("\n".join([*lines, ""]))
    return result.status(allow_unreachable=allow_unreachable)


if __name__ == "__main__":
    sys.exit(main())
