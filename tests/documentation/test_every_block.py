"""Checks that every code block of the pages has a test, or a reason why it has none.

For a new block, write a test that reads the block from the page; then add a row here.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.documentation.pages import FOLDER_PAGES, PAGES, ROOT, all_blocks

Row = tuple[str, str, int, str]
"""A page, a language, the number of blocks in it, and their test module or the reason."""

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
"""Blocks that a test runs. Only ports and credentials differ; a part of a file runs with it."""

CHECKED: list[Row] = [
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
"""Blocks that a test checks without running them. They need Docker or a cluster, would send signals
to other processes, or take long. Blocks with settings are loaded."""

NOT_TESTED: list[Row] = [
    ("README", "mermaid", 1, "a diagram"),
    ("gateway", "mermaid", 1, "a diagram"),
]
"""Blocks without a test, and the reason."""


def table_name(path: Path) -> str:
    """Return the name that a page has in the tables."""
    return str(path.parent.relative_to(ROOT)) if path in FOLDER_PAGES else path.stem


def test_each_block_has_a_row() -> None:
    """The tables have as many blocks of each page and language as the page itself."""
    shown = Counter(
        (table_name(path), language)
        for path in {*PAGES, *FOLDER_PAGES}
        for language, _ in all_blocks(path.read_text())
    )
    listed: Counter[tuple[str, str]] = Counter()
    for name, language, count, _ in (*RUN, *CHECKED, *NOT_TESTED):
        listed[name, language] += count

    assert shown == listed


@pytest.mark.parametrize("row", [*RUN, *CHECKED], ids=lambda row: f"{row[0]}-{row[1]}")
def test_the_module_of_each_row_reads_its_page(row: Row) -> None:
    """The module exists, and names the page: by its file, or in quotation marks."""
    name, _, _, module = row
    code = (ROOT / "tests" / f"{module}.py").read_text()

    page = name.rpartition("/")[2]
    assert re.search(rf'"{page}"|\b{page}\.md\b|\bREADME\b|\bGUIDE\b', code)
