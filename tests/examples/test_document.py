"""The page on other services shows the examples as they are."""

import re
from pathlib import Path

from durable_analytics.wire.methods import TASK_QUEUE
from tests.support.programs import EXAMPLES, TYPESCRIPT

ROOT = EXAMPLES.parent
PAGE = ROOT / "docs" / "from-other-services.md"
INCLUDED = re.compile(r"<!-- from (\S+) -->\n```\w+\n(.*?)```\n", flags=re.DOTALL)


def included() -> list[tuple[str, str]]:
    """Each block that comes from a file: the file, the block."""
    return INCLUDED.findall(PAGE.read_text())


def scripts() -> set[str]:
    """The examples of this page, by their path in the project."""
    files = (*EXAMPLES.glob("*.*"), *TYPESCRIPT.glob("*.ts"), *(EXAMPLES / "go").glob("*.go"))
    on_a_page_of_its_own = {"examples/buffered.py"}
    return {str(file.relative_to(ROOT)) for file in files} - on_a_page_of_its_own


def test_included_code_is_the_files() -> None:
    """Line by line: whoever changes an example changes the page."""
    for name, block in included():
        assert f"\n{block}" in "\n" + (ROOT / name).read_text(), name


def test_every_example_is_shown_and_run() -> None:
    """On the page, and by the tests."""
    tests = Path(__file__).with_name("test_examples.py").read_text()
    assert {name for name, _ in included()} == scripts()
    for name in scripts():
        assert f"{Path(name).name}" in tests, name


def test_every_block_is_from_a_file() -> None:
    """Which the tests run."""
    languages = re.findall(r"^```(\w+)$", PAGE.read_text(), flags=re.MULTILINE)
    assert len(languages) == len(included())


def test_links_lead_somewhere() -> None:
    """Files beside the page, and headings of it."""
    text = PAGE.read_text()
    headings = {h.lower().replace(" ", "-") for h in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, heading = target.partition("#")
        if path:
            assert (PAGE.parent / path).exists(), target
        else:
            assert heading in headings


def test_the_task_queue_is_ours() -> None:
    """Written out in every language."""
    for name in scripts():
        if not name.endswith("deliver.py"):
            assert TASK_QUEUE in (ROOT / name).read_text()


def test_the_lock_file_names_no_registry() -> None:
    """`npm ci` takes whatever registry its user has."""
    lock = (TYPESCRIPT / "package-lock.json").read_text()
    assert '"integrity"' in lock
    assert '"resolved"' not in lock
