"""A copy of this repository, like a reader's clone, in which tests run commands of the pages."""

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
from tests.support.shell import running_command
from tests.worker.processes import ROOT, clean_environment

_LEFT_OUT = {"analytics.toml", "docker-compose.override.yml", "secrets", "dist"}
_COPIED = ("docs", "examples")
"""Folders that are copied, because commands write to them; the others are symbolic links."""

_GENERATED = shutil.ignore_patterns("__pycache__", "node_modules", "target", "dist", ".*_cache")


@dataclass(frozen=True)
class Clone:
    """A clone after `make install`.

    Args:
        folder: The folder of the clone.
        ports: The variables that set the ports for its `make run`.
    """

    folder: Path
    ports: dict[str, str]

    @classmethod
    def make(cls, folder: Path) -> "Clone":
        """Make a folder with the files of this repository, and a virtual environment in it.

        The environment has the packages of the tests. A package that is installed into it is not
        installed for the tests.
        """
        for path in ROOT.iterdir():
            if not path.name.startswith(".") and path.name not in {*_LEFT_OUT, *_COPIED}:
                (folder / path.name).symlink_to(path)
        for name in _COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=_GENERATED)
        environment = folder / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        programs = environment / "bin"
        for tool in TOOLS.iterdir():
            # The pip of the tests would install into the environment of the tests.
            if not (programs / tool.name).exists() and not tool.name.startswith("pip"):
                (programs / tool.name).symlink_to(tool)
        pip = programs / "pip"
        pip.write_text(f'#!/bin/sh\nexec {programs}/python -m pip "$@"\n')
        pip.chmod(0o755)
        (packages,) = environment.glob("lib/python*/site-packages")
        link = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
        (packages / "packages-of-the-tests.pth").write_text(link)
        (folder / "home").mkdir()
        # `make` installs nothing if these files exist.
        for name in (".runs", ".installed"):
            (environment / name).touch()
        return cls(folder, local_ports())

    @property
    def standin_url(self) -> str:
        """The URL of the stand-in."""
        return f"http://127.0.0.1:{self.ports['LOCAL_STANDIN_PORT']}"

    def with_its_ports(self, text: str) -> str:
        """Replace the default ports in a text by the ports of this clone."""
        for port, name in (("7233", "TEMPORAL"), ("8090", "STANDIN"), ("8088", "GATEWAY")):
            text = text.replace(
                f"localhost:{port}", f"localhost:{self.ports[f'LOCAL_{name}_PORT']}"
            )
        return text

    async def run(self, line: str) -> str:
        """Run a shell command in the folder; return what it printed.

        Raises:
            AssertionError: The command failed.
        """
        tools = (str(self.folder / ".venv" / "bin"), str(TOOLS), os.environ["PATH"])
        variables = {
            "PATH": os.pathsep.join(tools),
            "HOME": str(self.folder / "home"),
            # The build tools are in the environment of the tests: 0 switches isolated builds off.
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.ports['LOCAL_TEMPORAL_PORT']}",
        }
        command = self.with_its_ports(line)
        return await run_program("bash", "-ec", command, cwd=self.folder, **variables)

    async def paste_python(self, code: str) -> str:
        """Paste code into an interactive Python interpreter; return what it printed.

        The interpreter reads the code line by line, and continues after an exception.
        """
        return await self.run(f".venv/bin/python -i -q 2>&1 <<'END'\n{code}\nEND")

    @asynccontextmanager
    async def make_run(self) -> AsyncIterator[None]:
        """Start `make run`, press Ctrl-C at the end, and kill the processes that are left."""
        environment = clean_environment(**self.ports)
        try:
            ready = "Ctrl-C stops all processes"
            async with running_command("make run", environment, ready, self.folder):
                yield
        finally:
            kill_leftovers(self.folder)
