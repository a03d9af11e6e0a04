"""The settings, policies, failure types, methods and links on the pages match the code."""

import re
from pathlib import Path

import pytest

from durable_analytics import BufferingClient
from durable_analytics.errors import DELIVERY_ERRORS
from durable_analytics.wire.limits import BATCH_LIMIT_BYTES, INPUT_LIMIT_BYTES
from durable_analytics.wire.policies import RequestPolicy, RetryPolicy
from gateway.partition import GATHERED_LIMIT_BYTES, LIMIT_BYTES
from gateway.settings import GatewaySettings, SourceSettings
from tests.documentation.pages import DOCS, PAGES, README, ROOT, page, without_code
from tests.method_tables import with_current_tables
from worker import IntegrationSettings, Settings
from worker.settings import WorkerSettings


def test_tables_of_methods_match_the_code() -> None:
    """`make tables` updates the tables."""
    text = page("methods-and-providers")
    assert with_current_tables(text) == text


def test_every_setting_is_documented() -> None:
    """Settings of the worker, of an integration, of the gateway and of a source."""
    text = page("settings")
    documented = set(re.findall(r"`\.?(?:integrations\.NAME\.)?([a-z_]+)`", text))
    assert set(Settings.model_fields) - {"integrations", "worker"} <= documented
    for name in WorkerSettings.model_fields:
        assert f"`worker.{name}`" in text
    assert set(IntegrationSettings.model_fields) <= documented
    for name in GatewaySettings.model_fields:
        assert f"`gateway.{name}`" in text
    for name in SourceSettings.model_fields:
        assert f"`sources.NAME.{name}`" in text


def test_every_policy_is_documented() -> None:
    """Each policy has a row with its name below `policies.request`."""
    text = page("policies")
    for name in RequestPolicy.model_fields.keys() - {"retry_policy"}:
        assert f"| `{name}` |" in text
    for name in RetryPolicy.model_fields:
        assert f"| `retry_policy.{name}` |" in text


def test_every_failure_type_is_documented() -> None:
    """The row of a failure type says whether it is retried; troubleshooting.md says what to do."""
    text, troubleshooting = page("methods-and-providers"), page("troubleshooting")
    for name, error in DELIVERY_ERRORS.items():
        (row,) = re.findall(rf"^\| `{name}` \|.*\| (yes|no)", text, flags=re.MULTILINE)
        assert row == ("yes" if error.retried else "no")
        assert f"`{name}`" in troubleshooting


def test_limits_are_those_of_the_code() -> None:
    """In bytes: "1.9 MB" is more than the limit."""
    batch, single = f"{BATCH_LIMIT_BYTES:,}", f"{INPUT_LIMIT_BYTES:,}"
    assert f"up to {batch} bytes" in page("batches")
    inputs = f"up to {single} bytes (a [batch](batches.md) {batch})"
    assert inputs in page("methods-and-providers")
    assert f"1,000 messages or {LIMIT_BYTES:,} bytes" in page("gateway")
    assert page("gateway").count(f"{GATHERED_LIMIT_BYTES:,} bytes") == 2
    assert f"{batch} bytes and 5,000 divided" in str(BufferingClient.__doc__)


def test_make_targets_on_pages_exist() -> None:
    """Each `make` target that a page names is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    for path in PAGES:
        for target in re.findall(r"`make ([a-z][a-z-]+)", path.read_text()):
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), (path.name, target)


def test_the_readme_is_short_and_links_to_every_page() -> None:
    """A reader finds a page only by a link."""
    text = README.read_text()
    assert len(text.splitlines()) <= 220
    linked = set(re.findall(r"\]\(docs/([a-z-]+)\.md", text))
    assert linked == {path.stem for path in DOCS.glob("*.md")}


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub creates for the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_point_to_existing_files_and_headings(path: Path) -> None:
    """Links to other sites are not checked."""
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text())):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name) if name else path
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), target
