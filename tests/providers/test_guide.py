"""The guide to providers matches the code."""

import re

from durable_analytics.testing import ProviderConformance
from tests.provider_table import GUIDE, with_current_table

TEXT = GUIDE.read_text()
ROOT = GUIDE.parent.parent
INCLUDED = re.compile(r"<!-- from (\S+) -->\n```\w+\n(.*?)```\n", flags=re.DOTALL)


def test_the_table_matches_the_code() -> None:
    """`make tables` updates it."""
    assert with_current_table(TEXT) == TEXT


def squeezed(code: str) -> str:
    """Code without its spaces: ruff formats a block of the page as a file of its own."""
    return "".join(code.split())


def test_included_code_is_the_examples() -> None:
    """Whoever changes the example changes the guide."""
    blocks = INCLUDED.findall(TEXT)
    assert len(blocks) == len(re.findall(r"^```(?:python|toml)$", TEXT, flags=re.MULTILINE))
    for name, block in blocks:
        assert squeezed(block) in squeezed((ROOT / name).read_text()), name


def test_links_lead_somewhere() -> None:
    """Files beside the page, and headings of it."""
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", TEXT, flags=re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, heading = target.partition("#")
        assert not path or (GUIDE.parent / path).exists(), target
        assert path or heading in headings, target


def test_each_setting_of_the_checks_is_described() -> None:
    """By its name."""
    annotated = {
        name
        for base in ProviderConformance.__mro__
        for name in vars(base).get("__annotations__", {})
    }

    assert {name for name in annotated if f"`{name}`" in TEXT} == annotated
