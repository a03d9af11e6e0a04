"""The pages that people read, and the code blocks in them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(ROOT.glob("[A-Z]*.md")), *sorted(DOCS.glob("*.md"))]


def page(name: str) -> str:
    """The text of a page in docs/."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[str]:
    """The commands of the console blocks, each with its continued lines."""
    joined = "\n".join(blocks(text, "console")).replace("\\\n", "")
    return re.findall(r"^\$ ((?:[^'\n]|'[^']*')+)$", joined, flags=re.MULTILINE)


def without_code(text: str) -> str:
    """The text without its code blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
