"""The rules of the house: who imports whom, what the wheel holds, what must be complete."""

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import durable_analytics
from activities import activity_names
from durable_analytics.errors import DELIVERY_ERRORS, DeliveryError
from durable_analytics.providers import provider_class, provider_names
from durable_analytics.redrive.names import LOCK_WORKFLOW
from durable_analytics.wire.integration_state import CONTROL_WORKFLOW, READ_STATE, SET_LIMIT
from durable_analytics.wire.methods import BATCH, BATCH_SEND, METHODS
from worker import list_activities, list_workflows
from workflows import WORKFLOWS

ROOT = Path(__file__).parent.parent
STANDIN = ROOT / "src/durable_analytics/testing/_server.py"
OURS = {
    "durable_analytics",
    "workflows",
    "activities",
    "runtime",
    "worker",
    "gateway",
    "codec_server",
    "tests",
    "benchmarks",
}

MAY_IMPORT = {
    "src/durable_analytics": {"durable_analytics"},
    "workflows": {"workflows", "durable_analytics"},
    "activities": {"activities", "durable_analytics"},
    "runtime": {"runtime", "durable_analytics"},
    "worker": {"worker", "workflows", "activities", "runtime", "durable_analytics"},
    "gateway": {"gateway", "runtime", "durable_analytics"},
    "codec_server": {"codec_server", "runtime", "durable_analytics"},
}

HTTP_LIBRARIES = {"httpx", "httpcore", "h11", "anyio", "aiohttp", "requests", "urllib3"}


def imports(path: Path) -> Iterator[str]:
    """The top-level packages that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield (node.module or "").split(".")[0]


def imported_from(path: Path) -> Iterator[str]:
    """The full names of the modules from which a module imports names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""


def imported_names(path: Path) -> Iterator[str]:
    """The full names of all that a module imports, be it a module or a name from one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_go_one_way(folder: str) -> None:
    """The library imports none of the others; workflows and activities do not know the worker."""
    modules = sorted((ROOT / folder).rglob("*.py"))
    assert modules
    for module in modules:
        assert set(imports(module)) & OURS <= MAY_IMPORT[folder], module


def test_private_modules_stay_in_their_package() -> None:
    """Only its own package, and its tests, import a module whose name begins with `_`."""
    library = ROOT / "src"
    for folder in MAY_IMPORT:
        for module in (ROOT / folder).rglob("*.py"):
            root = library if module.is_relative_to(library) else ROOT
            package = ".".join(module.relative_to(root).parts[:-1])
            for name in imported_from(module):
                owner, is_private, _ = name.partition("._")
                assert not is_private or package.startswith(owner), f"{module} imports {name}"


def test_test_modules_share_by_other_modules() -> None:
    """What several tests use is in a module without tests and fixtures, as in `tests/support`."""
    modules = sorted((ROOT / "tests").rglob("*.py"))
    assert Path(__file__) in modules
    for module in modules:
        for name in imported_names(module):
            package, *parts = name.split(".")
            if package == "tests":
                shared = [part for part in parts if part.startswith("test_") or part == "conftest"]
                assert not shared, f"{module} imports {name}"


def test_the_http_library_stays_behind_one_package() -> None:
    """Its faults are guarded against there. The stand-in is a server, with a library of its own."""
    for folder in MAY_IMPORT:
        for module in (ROOT / folder).rglob("*.py"):
            if module.parent != ROOT / "activities/http" and module != STANDIN:
                assert not set(imports(module)) & HTTP_LIBRARIES, module


def test_importing_the_client_loads_no_http_library() -> None:
    """A service that only starts deliveries pays for none."""
    code = "import sys, durable_analytics; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    extras = {"pydantic_settings", "rich", "structlog", "typer"}
    assert set(loaded.stdout.split()) & (HTTP_LIBRARIES | extras) == set()


def test_the_wheel_holds_one_package(tmp_path: Path) -> None:
    """`workflows` at the top of a wheel would overwrite another project's."""
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True
    )

    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "durable_analytics",
        f"durable_analytics-{durable_analytics.__version__}.dist-info",
    }
    assert "durable_analytics/py.typed" in names


def test_every_method_is_everywhere() -> None:
    """One table of methods; the workflows are the only thing written out beside it."""
    types = [method.workflow for method in (*METHODS.values(), BATCH)]
    assert list_workflows() == sorted([*types, CONTROL_WORKFLOW, LOCK_WORKFLOW])
    assert sorted(workflow.__name__ for workflow in WORKFLOWS) == sorted([*types, CONTROL_WORKFLOW])
    names = [f"{name}.{step}" for name in types for step in ("Request", "Validation")]
    pauses = [READ_STATE, SET_LIMIT]
    assert list_activities() == activity_names() == sorted([*names, BATCH_SEND, *pauses])
    for key in METHODS:
        assert callable(getattr(durable_analytics.AnalyticsClient, key))


def test_every_method_has_a_provider() -> None:
    """And every provider has methods."""
    classes = {name: provider_class(name) for name in provider_names()}
    assert all(provider.builders.keys() - {"call"} for provider in classes.values())
    for key in METHODS:
        assert any(key in provider.builders for provider in classes.values())


def test_the_tree_of_errors_is_complete() -> None:
    """Each delivery error is in the table of wire names and in the drawn tree."""
    drawing = sys.modules["durable_analytics.errors"].__doc__ or ""
    assert set(DELIVERY_ERRORS.values()) == set(DeliveryError.__subclasses__())
    for name in DELIVERY_ERRORS:
        assert f"── {name} " in drawing


def test_public_names_are_sorted() -> None:
    """`__all__` of the library, case by case."""
    assert durable_analytics.__all__ == sorted(durable_analytics.__all__)
    for name in durable_analytics.__all__:
        assert hasattr(durable_analytics, name)


def test_modules_say_why_they_exist() -> None:
    """One sentence at the top of each."""
    for folder in MAY_IMPORT:
        for module in (ROOT / folder).rglob("*.py"):
            first = (ast.get_docstring(ast.parse(module.read_text())) or "").split("\n")[0]
            assert first.endswith((".", "?")), module
