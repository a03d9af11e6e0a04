"""Where the documents ask people to keep credentials, git does not look."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

GIT = shutil.which("git") or "git"
ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCUMENTS = [COMPOSE, ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_PLACE = re.compile(
    r"(?<![\w./-])(\.env(?:\.\w+)?|analytics\.toml|(?:\./)?secrets/?[A-Z_]*)(?![\w-])"
)
_MOUNTED_SECRETS = re.compile(r'"\./([^":]+):/run/secrets')


def places() -> set[str]:
    """The files and folders that the documents name for credentials."""
    named = {name for text in DOCUMENTS for name in _PLACE.findall(text.read_text())}
    mounted = _MOUNTED_SECRETS.findall(COMPOSE.read_text())
    return {*named, *(f"{folder}/A_KEY" for folder in mounted)}


def test_the_documents_name_the_places() -> None:
    """Otherwise the other test sees nothing."""
    assert {".env", "secrets/A_KEY", "analytics.toml"} <= places()


@pytest.mark.parametrize("place", sorted(places() | {".env.production", "secrets/other"}))
def test_git_ignores_it(place: str, tmp_path: Path) -> None:
    """Whatever stands in it is not committed."""
    subprocess.run([GIT, "init", "--quiet", str(tmp_path)], check=True)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    name = f"{place}/A_KEY" if place.removeprefix("./").rstrip("/") == "secrets" else place

    ignored = subprocess.run([GIT, "check-ignore", name], cwd=tmp_path, check=False)

    assert ignored.returncode == 0
