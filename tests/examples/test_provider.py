"""The example of a provider in a package of its own, tested and run as its README says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.documentation import pages
from tests.support.local_run import local, local_ports
from tests.support.programs import EXAMPLES, TEMPORAL, run_program
from tests.worker.processes import ROOT

pytestmark = pytest.mark.slow

PACKAGE = EXAMPLES / "provider"
README = (PACKAGE / "README.md").read_text()
RENAMES = re.compile("mv |perl ")


def commands() -> list[list[str]]:
    """The commands of the README, in order."""
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    return [shlex.split(line.removeprefix("$ ")) for line in lines]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The PYTHONPATH with which the package is installed."""
    program, *arguments = commands()[0]
    assert program == ".venv/bin/python"
    assert arguments[-2:] == ["-e", "examples/provider"]
    target = tmp_path_factory.mktemp("packages")
    # Into a folder, since other tests must not find it.
    install = [*arguments[:-2], "--no-index", "--quiet", "--target", str(target), str(PACKAGE)]
    subprocess.run([sys.executable, *install], check=True)
    return os.pathsep.join((str(ROOT), str(target)))


async def test_its_own_tests_pass(installed: str) -> None:
    program, *arguments = commands()[1]
    assert (program, arguments[:2]) == (".venv/bin/python", ["-m", "pytest"])

    printed = await run_program(
        *(sys.executable, *arguments, "-p", "no:cacheprovider"),
        cwd=ROOT,
        PYTHONPATH=installed,
        PYTHONDONTWRITEBYTECODE="1",
    )

    assert re.search(r"\d\d passed", printed), printed


async def test_its_tests_pass_with_another_name(tmp_path: Path) -> None:
    """The guide's commands rename everything."""
    copy = tmp_path / "acme-analytics"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    renaming = [line for line in pages.commands(pages.page("providers")) if RENAMES.match(line)]
    assert len(renaming) == 3

    await run_program("bash", "-ec", "\n".join(renaming), cwd=copy)
    printed = await run_program(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(copy)),
        cwd=ROOT,
        PYTHONPATH=os.pathsep.join((str(ROOT), str(copy))),
    )

    assert re.search(r"\d\d passed", printed), printed
    files = [path for path in copy.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert not [path for path in files if "acme" in f"{path.name} {path.read_text()}".lower()]


async def test_make_run_delivers_to_it(installed: str, tmp_path: Path) -> None:
    """Worker and stand-in find the package; the command of the README delivers."""
    ports = local_ports()
    (execute,) = (command for command in commands() if "workflow" in command)
    async with local(tmp_path, {**ports, "PYTHONPATH": installed}) as run:
        await run.line("Ctrl-C stops all processes")
        address = f"127.0.0.1:{ports['LOCAL_TEMPORAL_PORT']}"
        printed = await run_program(TEMPORAL, *execute[1:], "--address", address)
        standin = f"http://127.0.0.1:{ports['LOCAL_STANDIN_PORT']}/requests"
        async with httpx.AsyncClient(trust_env=False) as client:
            (request,) = (await client.get(standin)).json()

    assert '"status":"success"' in printed.replace(" ", "")
    assert (request["integration"], request["path"], request["answered"]) == (
        "acme",
        "/events",
        200,
    )
    assert request["headers"]["x-acme-key"] == "****"
    assert [event["event"] for event in request["body"]["events"]] == ["Signed Up"]
