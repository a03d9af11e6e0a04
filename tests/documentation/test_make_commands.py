"""Checks the `make` commands of the pages with `--dry-run`: the programs they would run exist."""

import os
import re
import shlex
import shutil
from importlib.util import find_spec

import pytest

from tests.chaos.__main__ import arguments_parser
from tests.documentation.pages import COMMAND_PAGES, ROOT, commands, inline_commands, page
from tests.support.programs import TOOLS, run_program

COMMANDS = sorted(
    {
        line
        for path in COMMAND_PAGES
        for line in (*commands(path.read_text()), *inline_commands(path.read_text()))
        if re.match(r"([A-Z_]+=\S+ )*make ", line)
    }
)


async def dry_run(line: str) -> list[list[str]]:
    """Return the commands that `make` would run, without those that install packages."""
    options = "--no-print-directory --dry-run --always-make"
    installed = "--old-file=.venv/.runs --old-file=.venv/.installed"
    dry = f'make() {{ command make {options} {installed} "$@"; }}\n{line}'
    printed = await run_program("bash", "-ec", dry, cwd=ROOT, MAKEFLAGS="")
    lines = printed.replace("\\\n", "").splitlines()
    return [shlex.split(each) for each in lines if not each.startswith(("echo ", "touch "))]


def program_exists(words: list[str]) -> bool:
    """Whether the module, the script or the program of a command exists."""
    words = [word for word in words if not re.match(r"[A-Z_]+=", word)]
    if words[1:2] == ["-m"]:
        return find_spec(words[2]) is not None
    if words[0] == "bash":
        return (ROOT / words[1]).is_file()
    return bool(shutil.which(words[0].removeprefix(".venv/bin/"), path=_path()))


def _path() -> str:
    return os.pathsep.join((str(TOOLS), os.environ["PATH"]))


@pytest.mark.parametrize("line", [line for line in COMMANDS if line != "make install"])
async def test_programs_that_make_would_run_exist(line: str) -> None:
    """Also modules and scripts. `make install` has its own test."""
    run = await dry_run(line)

    assert run
    assert [words for words in run if not program_exists(words)] == []


async def test_make_install_uses_the_lock_files() -> None:
    """The lock files contain hashes, which pip checks."""
    (line,) = (line for line in COMMANDS if line == "make install")
    printed = await run_program("make", "--dry-run", "--always-make", "install", cwd=ROOT)

    assert line
    locks = re.findall(r"--require-hashes -r (\S+)", printed)
    assert locks == ["requirements-run.lock", "requirements-dev.lock"]
    assert all((ROOT / lock).is_file() for lock in locks)


async def test_chaos_gets_the_arguments_of_the_command() -> None:
    """The commands are in reliability.md; `tests/chaos/test_chaos.py` runs a shorter one."""
    default, denser = commands(page("reliability"))

    for line, seeds, faults in ((default, [1, 2, 3], None), (denser, [7], 56)):
        (words,) = await dry_run(line)
        read = arguments_parser().parse_args(words[words.index("tests.chaos") + 1 :])
        assert (read.seed, read.faults) == (seeds, faults)
