"""The pages that people read, and the code blocks in them."""

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(ROOT.glob("[A-Z]*.md")), *sorted(DOCS.glob("*.md"))]
FOLDER_PAGES = [
    path
    for folder in ("examples", "deploy")
    for path in sorted((ROOT / folder).glob("*/README.md"))
]
"""The pages beside examples and manifests."""

COMMAND_PAGES = [path for path in (*PAGES[1:], *FOLDER_PAGES) if path.name != "CHANGELOG.md"]
"""All pages whose commands a reader may type."""


def page(name: str) -> str:
    """The text of a page in docs/."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks in this language."""
    return [code for name, code in all_blocks(text) if name == language]


def all_blocks(text: str) -> list[tuple[str, str]]:
    """The language and the code of each block, also of one in a list, without its indentation."""
    found = re.findall(r"^( *)```(.*?)\n(.*?)^\1```$", text, flags=re.DOTALL | re.MULTILINE)
    return [(language, dedent(code)) for _, language, code in found]


def commands(text: str) -> list[str]:
    """The commands of the console blocks, each with its continued lines."""
    joined = "\n".join(blocks(text, "console")).replace("\\\n", "")
    return re.findall(r"^\$ ((?:[^'\n]|'[^']*')+)$", joined, flags=re.MULTILINE)


_PROGRAMS = (
    "apt-get bash cd curl docker durable-analytics git go kubectl kustomize make mvn node npm "
    "openssl pip pkill python temporal ulimit unset uvicorn"
)
_INLINE = re.compile(
    rf"(?<!`)`((?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(?:{_PROGRAMS.replace(' ', '|')}) [^`]+)`(?!`)"
)


def inline_commands(text: str) -> list[str]:
    """The commands in sentences and tables: a program and at least one word."""
    return [line for line in _INLINE.findall(without_code(text)) if line != "docker compose"]


def without_code(text: str) -> str:
    """The text without its code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
