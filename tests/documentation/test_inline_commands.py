"""Checks the commands in sentences and tables, except those of `make` and `durable-analytics`.

`test_make_commands.py` and `tests/cli/test_inline_commands.py` check those.
"""

import shlex
import uuid
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.documentation.pages import COMMAND_PAGES, ROOT, commands, inline_commands, page
from tests.support.clone import Clone
from tests.support.docker_commands import SERVICES, read_docker
from tests.support.programs import run_program
from tests.support.recorded_commands import record_calls

COMMANDS = {line for path in COMMAND_PAGES for line in inline_commands(path.read_text())}
BLOCK_COMMANDS = {line for path in COMMAND_PAGES for line in commands(path.read_text())}
"""Commands that are also in a code block; the tests of the blocks run them."""

INSTALLS = {
    "pip install .": "durable_analytics",
    "pip install path/to/clone": "durable_analytics",
    ".venv/bin/pip install segment-analytics-python": "segment.analytics",
}
"""The module that can be imported after each of these commands."""

RUN_ELSEWHERE = {
    ".venv/bin/python examples/deliver.py": "tests/examples/test_examples.py",
    "cd examples/go && go run .": "tests/examples/test_examples.py",
    "cd examples/segment-java && mvn -q compile exec:java": "tests/gateway/sdks/test_java_sdk.py",
    "kubectl apply -k deploy/kubernetes-versioned": (
        "tests/documentation/test_container_commands.py"
    ),
    "npm ci && node deliver.ts": "tests/examples/test_examples.py",
    "python -m codec_server": "tests/documentation/test_processes.py",
    "python -m gateway": "tests/support/gateway_process.py",
    "python -m worker": "tests/documentation/test_processes.py",
    "python -m worker.health": "tests/worker/test_health.py",
    "uvicorn fastapi_app:app": "tests/examples/test_recipes.py",
}
"""The test that runs each of these commands, some with other options."""

FIGURES, BUILD = RUN_HERE = ("python -m benchmarks.markdown", "python -m hatchling build")

NOT_RUN = {
    "apt-get install prometheus": "it changes the machine",
    "kustomize edit set image durable-analytics-worker=…@sha256:…": "the digest is the reader's",
    "python -m tests.workflows.record": "it would replace the histories of the tests",
    "python -m tests.workflows.record NAME": "it would replace the histories of the tests",
    "ulimit -n": "the page only names it",
    "unset TEMPORAL_ADDRESS": "it changes the shell of the reader",
}
"""Why no test runs each of these commands."""

INCOMPLETE = {"temporal workflow reset", "temporal workflow start"}
"""Commands that a page names without the arguments that they need."""

TEMPORAL = sorted(line for line in COMMANDS if line.startswith("temporal "))
DOCKER = sorted(line for line in COMMANDS if line.startswith("docker "))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OTHER_PREFIXES = ("make ", "durable-analytics ", "LOCAL_TEMPORAL_PORT=17233 make ")
"""Commands with these prefixes have their own tests."""


def test_each_command_has_a_test_or_a_reason() -> None:
    """The tables contain no command that is not on a page."""
    tables = {*INSTALLS, *RUN_ELSEWHERE, *RUN_HERE, *NOT_RUN}
    others = {line for line in COMMANDS - BLOCK_COMMANDS if not line.startswith(OTHER_PREFIXES)}

    assert others - {*TEMPORAL, *DOCKER} == tables
    for name in RUN_ELSEWHERE.values():
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("line", DOCKER)
async def test_docker_accepts_the_command(tmp_path: Path, line: str) -> None:
    """The options, services and profiles exist, and each service is started with its profile."""
    if line == "docker build --target worker":  # the folder is left out
        line += " ."

    (call,) = await record_calls(line, "docker", tmp_path)

    read = read_docker(call.arguments)
    if read.command == "compose":
        for name in read.services:
            assert SERVICES[name].get("profiles", [read.profile]) == [read.profile]
    else:
        assert f" AS {read.target}\n" in DOCKERFILE


@pytest.mark.slow
@pytest.mark.parametrize("line", TEMPORAL)
async def test_temporal_accepts_the_command(temporal: Client, line: str) -> None:
    """The command line of Temporal runs it without an error."""
    if line in INCOMPLETE:
        line += " --help"
    namespace = f"n-{uuid.uuid4()}"
    words = [namespace if word == "NAME" else word for word in shlex.split(line)]

    address = temporal.service_client.config.target_host
    printed = await run_program("bash", "-ec", shlex.join(words), TEMPORAL_ADDRESS=address)

    assert "unknown" not in printed
    assert "namespace create" not in line or namespace in printed


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which packages can be installed."""
    return Clone.make(tmp_path_factory.mktemp("clone"))


@pytest.mark.slow
@pytest.mark.parametrize("line", INSTALLS)
async def test_package_can_be_imported_after_its_installation(clone: Clone, line: str) -> None:
    """Nothing is downloaded: `segment-analytics-python` is already installed for the tests."""
    await clone.run(line.replace("path/to/clone", str(clone.folder)))

    module = INSTALLS[line]
    program = f"import {module}; print({module}.__file__)"
    printed = await clone.run(f"cd home && ../.venv/bin/python -c '{program}'")
    assert printed.startswith(f"{clone.folder}/.venv/lib/") == line.startswith("pip ")


@pytest.mark.slow
async def test_tables_of_figures_are_current(clone: Clone) -> None:
    """The command writes the same tables as performance.md has."""
    await clone.run(FIGURES)

    assert (clone.folder / "docs" / "performance.md").read_text() == page("performance")


@pytest.mark.slow
async def test_hatchling_builds_a_wheel_and_an_archive(clone: Clone) -> None:
    """The archive contains the sources."""
    await clone.run(BUILD)

    built = {path.suffix for path in (clone.folder / "dist").iterdir()}
    assert {".whl", ".gz"} <= built
