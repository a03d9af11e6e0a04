"""The trees of this project that are compared: this one, and earlier commits.

An earlier commit is exported and installed once, with its own locked dependencies, into a folder of
the user's cache.
"""

import asyncio
import os
import shutil
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import ROOT, BenchmarkError, clean_environment
from runtime.embedded_server import server_options

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "durable-analytics-bench"
"""Holds what the benchmarks install; it may be deleted at any time."""

_INSTALL_TIMEOUT_SECONDS = 600.0

_EARLIER_SERVER_OPTIONS = (
    *("--sqlite-pragma", "journal_mode=wal"),
    *("--sqlite-pragma", "synchronous=full"),
    *("--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000"),
)
"""The options of the server of an earlier commit, whose own server had none: without them, a
comparison would mostly measure the journal of SQLite."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A tree of this project, and the Python that has its dependencies."""

    name: str
    """`current`, or the commit."""

    root: Path
    python: Path
    server_options: tuple[str, ...]

    @property
    def temporal(self) -> str:
        """The program that is the server."""
        return str(self.python.with_name("temporal"))


CURRENT = Environment("current", ROOT, Path(sys.executable), tuple(server_options()))


async def environment_of(commit: str | None) -> Environment:
    """Return the environment of a commit, installed if it is not yet; None is this tree's.

    Raises:
        BenchmarkError: The commit is not in the history of this tree, or its installation failed.
    """
    if commit is None:
        return CURRENT
    root = CACHE / commit
    venv = root / ".venv"
    python = venv / "bin" / "python"
    installed = root / ".installed"
    if not installed.exists():
        await _export(commit, root)
        await run_to_end(sys.executable, "-m", "venv", str(venv))
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps"]
        await run_to_end(*pip, "--require-hashes", "-r", str(root / "requirements-dev.lock"))
        await run_to_end(*pip, "--no-build-isolation", "--editable", str(root))
        installed.touch()
    return Environment(commit, root, python, _EARLIER_SERVER_OPTIONS)


async def run_to_end(*command: str, folder: Path = ROOT) -> str:
    """Run a program that installs something; return its standard output.

    Raises:
        BenchmarkError: The program failed, is missing, or took more than ten minutes.
    """
    name = " ".join(command[:4])
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=clean_environment(PYTHONPATH=str(folder)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise BenchmarkError(f"{name}: {error.strerror}") from None
    try:
        async with asyncio.timeout(_INSTALL_TIMEOUT_SECONDS):
            output, errors = await process.communicate()
    except TimeoutError:
        raise BenchmarkError(f"{name}: no end within {_INSTALL_TIMEOUT_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        log = errors.decode(errors="replace").strip()
        raise BenchmarkError(f"{name}: {(log.splitlines() or ['no output'])[-1]}", log)
    return output.decode()


async def _export(commit: str, root: Path) -> None:
    """Write the files of a commit into a new folder."""
    try:
        await run_to_end("git", "cat-file", "-e", f"{commit}^{{commit}}")
    except BenchmarkError:
        reason = f"commit {commit} is not in the history here (a shallow clone, or an export)"
        raise BenchmarkError(reason) from None
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)  # nothing else runs
    archive = root.with_suffix(".tar")
    await run_to_end("git", "archive", "--output", str(archive), commit)
    with tarfile.open(archive) as files:
        files.extractall(root, filter="data")
    archive.unlink()
