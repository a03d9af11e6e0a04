"""The example of a provider in a package of its own: what its README and the guide say to type."""

import json
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.documentation.pages import ROOT, blocks, commands, page
from tests.support.clone import Clone
from tests.support.json_objects import Json
from tests.support.programs import EXAMPLES

pytestmark = pytest.mark.slow

PACKAGE = EXAMPLES / "provider"
README = (PACKAGE / "README.md").read_text()
UNINSTALL = ".venv/bin/python -m pip uninstall --yes acme-analytics"

INSTALL, TEST, RUN, EXECUTE, SHOW, BUILD_WORKER, BUILD_WHEEL, BUILD_IMAGE = commands(README)
GUIDE = commands(page("providers"))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone, in whose environment the package can be installed."""
    return Clone.make(tmp_path_factory.mktemp("clone"))


@pytest.fixture
async def installed(clone: Clone) -> AsyncIterator[Clone]:
    """The same, with the package installed as its README says."""
    await clone.run(INSTALL)
    yield clone
    await clone.run(UNINSTALL)


async def test_its_own_tests_pass(installed: Clone) -> None:
    assert re.search(r"\d\d passed", await installed.run(TEST))


async def test_the_commands_of_the_guide(clone: Clone) -> None:
    """A copy of the package passes its tests, also with the name of another vendor."""
    copy, install, test, *renaming = GUIDE[:-3]
    assert renaming[0].startswith("cd ")
    assert UNINSTALL in renaming
    assert f"`{UNINSTALL}`" in README

    for line in (copy, install):
        await clone.run(line)
    tested = await clone.run(test)
    await clone.run("\n".join(renaming))
    tested_again = await clone.run(test)
    await clone.run(UNINSTALL.replace("acme", "beacon"))

    for printed in (tested, tested_again):
        assert re.search(r"\d\d passed", printed), printed
    renamed = clone.folder / "home" / "acme-analytics"
    files = [
        path
        for path in renamed.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and ".pytest_cache" not in path.parts
    ]
    assert files
    assert not [path for path in files if "acme" in f"{path.name} {path.read_text()}".lower()]


async def test_make_run_delivers_to_it(installed: Clone) -> None:
    """Worker and stand-in find the package; the commands of the README and of the guide deliver."""
    assert GUIDE[-3:] == [RUN, EXECUTE, SHOW]
    assert RUN == "make run"

    async with installed.make_run():
        printed = await installed.run(EXECUTE)
        (request,) = json.loads(await installed.run(SHOW))

    assert '"status":"success"' in printed.replace(" ", "")
    assert (request["integration"], request["path"], request["answered"]) == (
        "acme",
        "/events",
        200,
    )
    assert request["headers"]["x-acme-key"] == "****"
    assert [event["event"] for event in request["body"]["events"]] == ["Signed Up"]


async def test_its_settings(installed: Clone) -> None:
    """A worker reads them."""
    (settings,) = blocks(README, "toml")
    file = installed.folder / "acme.toml"
    file.write_text(settings.replace("…", "a-key"))
    program = "from worker import load; print(*load().deliverable().by_name)"

    printed = await installed.run(f"ANALYTICS_CONFIG={file} .venv/bin/python -c '{program}'")

    assert printed == "acme\n"


async def test_the_wheel_of_its_image(clone: Clone) -> None:
    """Is built where the Dockerfile looks for it; no image is built."""
    await clone.run(BUILD_WHEEL)

    (wheel,) = clone.folder.glob("examples/provider/dist/*.whl")
    assert wheel.name.startswith("acme_analytics-")
    dockerfile = (PACKAGE / "Dockerfile").read_text()
    assert "dist/*.whl" in dockerfile
    options: Json = {}
    for line in (BUILD_WORKER, BUILD_IMAGE):
        *words, folder = shlex.split(line)
        assert words[:2] == ["docker", "build"]
        assert (ROOT / folder / "Dockerfile").is_file()
        options |= dict(zip(words[2::2], words[3::2], strict=True))
        options.setdefault("image", options["--tag"])
    assert f" AS {options['--target']}\n" in (ROOT / "Dockerfile").read_text()
    assert options["--build-arg"] == f"IMAGE={options['image']}"
    assert "ARG IMAGE" in dockerfile
    assert Path(folder) == Path("examples/provider")
