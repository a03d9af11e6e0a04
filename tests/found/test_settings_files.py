"""Files of settings that cannot be read: one line, status 2, no traceback and no content."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from durable_analytics.errors import SettingsError
from durable_analytics.settings.files import read_secret_files, read_toml
from tests.worker.processes import clean_environment, running

pytestmark = pytest.mark.slow

SECRET = "write-key-7f3a"
KEY = "ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY"


def no_text(path: Path) -> None:
    path.write_bytes(b"write_key = '\xff\xfe" + SECRET.encode())


def no_toml(path: Path) -> None:
    path.write_text(f"write_key = {SECRET}")


def nested(path: Path) -> None:
    path.write_text(f"a = {'[' * 100_000}")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1024**4)


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.symlink_to(path)


MAKE: dict[str, Callable[[Path], None]] = {
    "no text": no_text,
    "no TOML": no_toml,
    "nested": nested,
    "huge": huge,
    "a folder": folder,
    "a pipe": pipe,
    "a loop": loop,
}


async def refused(folder: Path, program: str = "worker", **environment: str) -> str:
    """The one line of a program that does not start."""
    async with running(
        "-m", program, environment=clean_environment(**environment), cwd=folder
    ) as run:
        assert await run.ended(30) == 2
    (line,) = run.lines
    assert SECRET not in line
    return line


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
@pytest.mark.parametrize("named", ["by default", "by ANALYTICS_CONFIG"])
async def test_a_settings_file(tmp_path: Path, make: Callable[[Path], None], named: str) -> None:
    """The line names the file."""
    make(tmp_path / "analytics.toml")
    settings = {"ANALYTICS_CONFIG": "analytics.toml"} if named != "by default" else {}

    assert "analytics.toml" in await refused(tmp_path, **settings)


@pytest.mark.parametrize("make", [m for m in MAKE.values() if m not in (no_toml, nested)])
async def test_a_secret_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """Likewise."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "..data").mkdir()
    make(secrets / KEY)

    assert KEY in await refused(tmp_path, ANALYTICS_SECRETS_DIR="secrets")


def test_a_byte_order_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Editors on Windows write one: it is not a part of the file's content."""
    (tmp_path / "analytics.toml").write_bytes(b"\xef\xbb\xbftask_queue = 'x'\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / KEY).write_bytes(b"\xef\xbb\xbf" + SECRET.encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANALYTICS_CONFIG", raising=False)
    monkeypatch.setenv("ANALYTICS_SECRETS_DIR", "secrets")

    assert read_toml() == {"task_queue": "x"}
    assert read_secret_files() == {KEY: SECRET}


def test_a_folder_in_place_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is true: the folder exists."""
    monkeypatch.setenv("ANALYTICS_CONFIG", str(tmp_path))

    with pytest.raises(SettingsError) as raised:
        read_toml()

    assert str(raised.value) == (
        f"ANALYTICS_CONFIG: {tmp_path} is not a file: set the path of a TOML file"
    )


@pytest.mark.parametrize("name", ["ANALYTICS_CONFIG", "ANALYTICS_SECRETS_DIR"])
@pytest.mark.parametrize("value", ["/dev/null/x", "x" * 5000, "two\nlines"])
async def test_a_path_that_is_none(tmp_path: Path, name: str, value: str) -> None:
    """The line names the variable."""
    line = await refused(tmp_path, **{name: value})

    assert line.startswith(f"{name}: the ")
    assert " does not exist: " in line
    assert len(line) < 500


@pytest.mark.slow
async def test_the_gateway_and_make_run(tmp_path: Path) -> None:
    """As the worker."""
    folder(tmp_path / "analytics.toml")

    for program in ("gateway", "worker.local"):
        assert "analytics.toml" in await refused(tmp_path, program)
