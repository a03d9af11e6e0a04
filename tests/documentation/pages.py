"""Finds the pages of the documentation, and the code blocks and commands in them."""

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
"""The README files of the examples, and of the manifests for deployment."""

COMMAND_PAGES = [path for path in (*PAGES[1:], *FOLDER_PAGES) if path.name != "CHANGELOG.md"]
"""All pages whose commands a reader may type."""


def page(name: str) -> str:
    """Return the text of a page in docs/."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of a text in one language."""
    return [code for name, code in all_blocks(text) if name == language]


def all_blocks(text: str) -> list[tuple[str, str]]:
    """Return the language and the code of each block; a block in a list loses its indentation."""
    found = re.findall(r"^( *)```(.*?)\n(.*?)^\1```$", text, flags=re.DOTALL | re.MULTILINE)
    return [(language, dedent(code)) for _, language, code in found]


def commands(text: str) -> list[str]:
    """Return the commands of the console blocks; lines that end with a backslash are joined."""
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
    """Return the commands in sentences and tables: a program and at least one argument."""
    return [line for line in _INLINE.findall(without_code(text)) if line != "docker compose"]


def without_code(text: str) -> str:
    """Return the text without its code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
