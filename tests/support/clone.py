"""A clone of this repository as its reader has it, in which the commands of pages can be typed."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.local_run import kill_leftovers, local_ports
from tests.support.programs import TOOLS, run_program
from tests.support.shell import typed
from tests.worker.processes import ROOT, clean_environment

_NOT_IN_A_CLONE = {"analytics.toml", "docker-compose.override.yml", "secrets", "dist"}
_WRITTEN = ("docs", "examples")
"""Folders that commands write to."""

_PRODUCTS = shutil.ignore_patterns("__pycache__", "node_modules", "target", "dist", ".*_cache")


@dataclass(frozen=True)
class Clone:
    """The folder of a clone after `make install`.

    Args:
        folder: The folder.
        ports: The settings of where its `make run` listens.
    """

    folder: Path
    ports: dict[str, str]

    @classmethod
    def make(cls, folder: Path) -> "Clone":
        """Make a folder with the files of this repository, and with an environment of its own.

        The environment has the packages of this one. What is installed into it, only the clone has.
        """
        for path in ROOT.iterdir():
            if not path.name.startswith(".") and path.name not in {*_NOT_IN_A_CLONE, *_WRITTEN}:
                (folder / path.name).symlink_to(path)
        for name in _WRITTEN:
            shutil.copytree(ROOT / name, folder / name, ignore=_PRODUCTS)
        environment = folder / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        programs = environment / "bin"
        for tool in TOOLS.iterdir():
            # A pip of the tests would install into their environment.
            if not (programs / tool.name).exists() and not tool.name.startswith("pip"):
                (programs / tool.name).symlink_to(tool)
        pip = programs / "pip"
        pip.write_text(f'#!/bin/sh\nexec {programs}/python -m pip "$@"\n')
        pip.chmod(0o755)
        (packages,) = environment.glob("lib/python*/site-packages")
        link = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
        (packages / "packages-of-the-tests.pth").write_text(link)
        (folder / "home").mkdir()
        # Nothing is left to install for `make`.
        for mark in (".runs", ".installed"):
            (environment / mark).touch()
        return cls(folder, local_ports())

    @property
    def standin(self) -> str:
        """The address of the stand-in."""
        return f"http://127.0.0.1:{self.ports['LOCAL_STANDIN_PORT']}"

    def here(self, text: str) -> str:
        """The text with the ports of this clone."""
        for port, name in (("7233", "TEMPORAL"), ("8090", "STANDIN"), ("8088", "GATEWAY")):
            text = text.replace(
                f"localhost:{port}", f"localhost:{self.ports[f'LOCAL_{name}_PORT']}"
            )
        return text

    async def type(self, line: str) -> str:
        """Type a line of shell; returns what it printed.

        Raises:
            AssertionError: It failed.
        """
        tools = (str(self.folder / ".venv" / "bin"), str(TOOLS), os.environ["PATH"])
        variables = {
            "PATH": os.pathsep.join(tools),
            "HOME": str(self.folder / "home"),
            # What pip needs is in the environment of the tests: 0 means no isolated build.
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.ports['LOCAL_TEMPORAL_PORT']}",
        }
        return await run_program("bash", "-ec", self.here(line), cwd=self.folder, **variables)

    async def paste(self, code: str) -> str:
        """Paste Python into an interpreter, which reads it line by line; returns what it printed.

        An exception does not end it.
        """
        return await self.type(f".venv/bin/python -i -q <<'END'\n{code}\nEND")

    @asynccontextmanager
    async def make_run(self) -> AsyncIterator[None]:
        """Type `make run`, and Ctrl-C at the end; no process of it is left."""
        environment = clean_environment(**self.ports)
        try:
            async with typed("make run", environment, "Ctrl-C stops all processes", self.folder):
                yield
        finally:
            kill_leftovers(self.folder)
