"""Each block of code on the pages is run by a test, or read by one, or listed with a reason.

Add a row for a new block, after its test takes the block from the page.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.documentation.pages import FOLDER_PAGES, PAGES, ROOT, all_blocks

Row = tuple[str, str, int, str]
"""A page, a language, how many blocks in it, and the module of their test or the reason."""

RUN: list[Row] = [
    ("README", "console", 3, "documentation/test_examples"),
    ("README", "python", 3, "documentation/test_examples"),
    ("batches", "console", 1, "documentation/test_examples"),
    ("batches", "json", 1, "documentation/test_inputs_and_outputs"),
    ("buffering", "python", 1, "buffering/test_page"),
    ("buffering", "python", 4, "documentation/test_python_blocks"),
    ("from-other-services", "bash", 1, "examples/test_document"),
    ("from-other-services", "go", 1, "examples/test_document"),
    ("from-other-services", "python", 5, "examples/test_document"),
    ("from-other-services", "ts", 2, "examples/test_document"),
    ("gateway", "console", 1, "documentation/test_examples"),
    ("gateway", "console", 1, "gateway/sdks/test_page"),
    ("gateway", "go", 1, "gateway/sdks/test_page"),
    ("gateway", "java", 1, "gateway/sdks/test_page"),
    ("gateway", "js", 1, "gateway/browser/test_page_example"),
    ("gateway", "js", 1, "gateway/sdks/test_page"),
    ("gateway", "python", 1, "gateway/sdks/test_page"),
    ("getting-started", "console", 7, "documentation/test_examples"),
    ("getting-started", "json", 1, "documentation/test_inputs_and_outputs"),
    ("getting-started", "toml", 1, "documentation/test_examples"),
    ("migrating", "python", 33, "examples/test_migrating"),
    ("migrating", "toml", 2, "examples/test_migrating"),
    ("observability", "console", 1, "documentation/test_processes"),
    ("operating", "console", 17, "cli/test_operating"),
    ("operating", "python", 1, "documentation/test_python_blocks"),
    ("operating", "shell", 1, "documentation/test_processes"),
    ("operating", "shell", 7, "cli/test_failed_recipes"),
    ("policies", "json", 1, "documentation/test_inputs_and_outputs"),
    ("production", "python", 1, "documentation/test_python_blocks"),
    ("providers", "console", 3, "examples/test_provider"),
    ("providers", "python", 7, "providers/test_guide"),
    ("providers", "toml", 1, "providers/test_guide"),
    ("recipes", "bash", 1, "cli/test_import"),
    ("recipes", "python", 5, "examples/test_recipes"),
    ("routing", "json", 4, "documentation/test_routing_page"),
    ("routing", "python", 1, "documentation/test_routing_page"),
    ("routing", "shell", 1, "documentation/test_routing_page"),
    ("security", "console", 2, "documentation/test_processes"),
    ("examples/provider", "console", 3, "examples/test_provider"),
]
"""Run as they stand there, with other ports and credentials; parts of a file with the file."""

READ: list[Row] = [
    ("observability", "console", 1, "documentation/test_container_commands"),
    ("observability", "console", 1, "documentation/test_pytest_commands"),
    ("observability", "toml", 2, "documentation/test_settings_blocks"),
    ("operating", "console", 1, "documentation/test_processes"),
    ("operating", "console", 1, "documentation/test_pytest_commands"),
    ("operating", "toml", 2, "documentation/test_settings_blocks"),
    ("production", "shell", 1, "documentation/test_container_commands"),
    ("reliability", "console", 1, "documentation/test_make_commands"),
    ("routing", "toml", 1, "documentation/test_settings_blocks"),
    ("security", "console", 1, "documentation/test_pytest_commands"),
    ("security", "shell", 1, "documentation/test_container_commands"),
    ("settings", "toml", 1, "documentation/test_settings_blocks"),
    ("examples/provider", "console", 1, "examples/test_provider"),
    ("examples/provider", "toml", 1, "examples/test_provider"),
    ("deploy/kubernetes", "shell", 1, "documentation/test_container_commands"),
]
"""Read by the program that they are for, or by a test in its place: they need Docker or a cluster,
would signal the processes of others, or take long; settings are loaded."""

LISTED: list[Row] = [
    ("README", "mermaid", 1, "a diagram"),
    ("gateway", "mermaid", 1, "a diagram"),
]
"""Without a test."""


def name_of(path: Path) -> str:
    """The name of a page in the tables."""
    return str(path.parent.relative_to(ROOT)) if path in FOLDER_PAGES else path.stem


def test_each_block_is_in_a_table() -> None:
    """By page and language, as many as the page has."""
    shown = Counter(
        (name_of(path), language)
        for path in {*PAGES, *FOLDER_PAGES}
        for language, _ in all_blocks(path.read_text())
    )
    listed: Counter[tuple[str, str]] = Counter()
    for name, language, count, _ in (*RUN, *READ, *LISTED):
        listed[name, language] += count

    assert shown == listed


@pytest.mark.parametrize("row", [*RUN, *READ], ids=lambda row: f"{row[0]}-{row[1]}")
def test_each_module_takes_its_page(row: Row) -> None:
    """It exists, and names the page."""
    name, _, _, module = row
    code = (ROOT / "tests" / f"{module}.py").read_text()

    assert name.rpartition("/")[2] in code
