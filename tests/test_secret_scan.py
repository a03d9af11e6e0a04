"""No file of the repository contains a credential that could be real."""

import base64
import re
import secrets
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.testing import VENDORS
from tests.support.programs import GIT

ROOT = Path(__file__).parent.parent

PATTERNS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50,})",
    "Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{20,}",
    "Stripe key": r"\b[rs]k_live_[A-Za-z0-9]{20,}",
    "Google API key": r"\bAIza[A-Za-z0-9_-]{35}\b",
    "npm or PyPI token": r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,})",
    "PostHog key": r"\bph[cx]_[A-Za-z0-9]{40,}",
    "JSON Web Token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
    "encryption key": r"\b[A-Za-z0-9_.-]{1,64}:[A-Za-z0-9+/]{43}=",
    "webhook secret": r"\bwhsec_[A-Za-z0-9+/]{32,}",
    "credentials in a URL": r"\bhttps?://[^\s/:@\"'{}<>$]+:[^\s/:@\"'{}<>$]{12,}@(?!127\.0\.0\.1|localhost)",
}

KNOWN = frozenset(
    {
        # Amazon's documentation publishes these two for tests of signatures.
        "AKIAIOSFODNN7EXAMPLE",
        "AKIDEXAMPLE",
        # The specification of Standard Webhooks has this one.
        "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        *(value for vendor in VENDORS.values() for value in vendor.credentials.values()),
    }
)
"""Values that are public: of the stand-in, and of specifications."""


_GO_CHECKSUM = re.compile(r"^\S+ v\S+ h1:[A-Za-z0-9+/]{43}=$", re.MULTILINE)
"""A line of go.sum: the checksum of a module has the form of an encryption key."""


def candidates(text: str) -> Iterator[tuple[str, str]]:
    """The kinds and values in a text that look like credentials."""
    text = _GO_CHECKSUM.sub("", text)
    for kind, pattern in PATTERNS.items():
        for found in re.finditer(pattern, text):
            if found[0] not in KNOWN and not _is_made_up(found[0]):
                yield kind, found[0]


def _is_made_up(value: str) -> bool:
    """Whether a webhook's secret is a text that somebody wrote, and not random bytes."""
    encoded = value.removeprefix("whsec_")
    if encoded == value:
        return False
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4)).decode("ascii").isprintable()
    except ValueError:
        return False


def files() -> list[Path]:
    """All files that are, or would be, committed, except checksums, which look like keys."""
    command = [GIT, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and _is_searched(ROOT / name)]


def _is_searched(file: Path) -> bool:
    return file.is_file() and file.name != "go.sum"


def test_no_file_contains_a_credential() -> None:
    """Also none that only tests use, except the stand-in's: it could be mistaken for a real one."""
    found = {
        f"{file.relative_to(ROOT)}: {kind}: {value[:16]}…"
        for file in files()
        for kind, value in candidates(file.read_text(encoding="utf-8", errors="replace"))
    }

    assert found == set()


def letters(count: int) -> str:
    """Random letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(count))


EXAMPLES = {
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "AWS access key": "AKIA" + "B" * 16,
    "GitHub token": "ghp_" + letters(36),
    "Slack token": "xoxb-" + letters(24),
    "Stripe key": "sk_live_" + letters(24),
    "Google API key": "AIza" + letters(35),
    "npm or PyPI token": "npm_" + letters(36),
    "PostHog key": "phc_" + letters(43),
    "JSON Web Token": f"eyJ{letters(20)}.eyJ{letters(20)}.{letters(43)}",
    "encryption key": new_key("k1"),
    "webhook secret": "whsec_" + base64.b64encode(b"\xff" + secrets.token_bytes(29)).decode(),
    "credentials in a URL": f"https://user:{letters(16)}@proxy.internal",
}


@pytest.mark.parametrize("kind", PATTERNS)
def test_each_kind_is_found(kind: str) -> None:
    """In the middle of a line of code."""
    assert kind in dict(candidates(f'    value = "{EXAMPLES[kind]}"  # a comment'))


def test_checksums_of_go_modules_are_no_keys() -> None:
    """Only on their own lines: a key may be named so."""
    key = new_key("h1")

    assert not list(candidates(f"example.com/module v1.2.3 {key}\nexample.com/m v1/go.mod {key}\n"))
    assert dict(candidates(f"keys = {key}")) == {"encryption key": key}


def test_all_files_are_searched() -> None:
    """Of this repository, with this one."""
    names = {str(file.relative_to(ROOT)) for file in files()}

    assert {"README.md", "docker-compose.yml", "tests/test_secret_scan.py"} <= names
