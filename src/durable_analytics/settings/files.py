"""Files of settings and secrets, read only where they are regular files of a limited size."""

import os
import tomllib
from pathlib import Path
from typing import Any

from durable_analytics.errors import SettingsError

PREFIX = "ANALYTICS_"
CONFIG = f"{PREFIX}CONFIG"
SECRETS_DIR = f"{PREFIX}SECRETS_DIR"

_DEFAULT_FILE = "analytics.toml"
_FILE_LIMIT_BYTES = 1024 * 1024
_SHOWN_CHARACTERS = 200


def toml_file() -> Path:
    """The settings file: `ANALYTICS_CONFIG`, or analytics.toml."""
    return Path(os.environ.get(CONFIG) or _DEFAULT_FILE)


def read_toml() -> dict[str, Any]:
    """Read the settings file; it is empty where there is none and none is configured.

    Raises:
        SettingsError: It cannot be read.
    """
    path = toml_file()
    # A folder of that name may be what Docker makes where a file to be mounted does not exist.
    if not os.environ.get(CONFIG) and not os.path.lexists(path):
        return {}
    name = CONFIG if os.environ.get(CONFIG) else _DEFAULT_FILE
    if not os.path.isfile(path):  # noqa: PTH113  # Path.is_file raises where the name is too long
        raise SettingsError([f"{name}: {_why_no_file(path)}: set the path of a TOML file"])
    try:
        return tomllib.loads(_read_text(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError([f"{_shown(path)}: cannot be read: {reason}"]) from None
    except RecursionError:
        raise SettingsError([f"{_shown(path)}: cannot be read: nested too deeply"]) from None


def read_secret_files() -> dict[str, str]:
    """Read the files of `ANALYTICS_SECRETS_DIR` that are named like environment variables.

    Other files of the folder are not opened: they may be of any kind and size.

    Raises:
        SettingsError: The folder, or one of the files, cannot be read.
    """
    if not (folder := os.environ.get(SECRETS_DIR)):
        return {}
    if not os.path.isdir(folder):  # noqa: PTH112  # Path.is_dir raises where the name is too long
        reason = f"the folder {_shown(folder)} does not exist: set a folder with secret files"
        raise SettingsError([f"{SECRETS_DIR}: {reason}"])
    try:
        files = sorted(Path(folder).iterdir())
    except OSError as error:
        reason = f"{_shown(folder)} cannot be read ({error.strerror}): make it readable"
        raise SettingsError([f"{SECRETS_DIR}: {reason}"]) from None
    return {file.name: _secret(file) for file in files if file.name.upper().startswith(PREFIX)}


def _secret(file: Path) -> str:
    try:
        # Reading a pipe or a device may never end.
        if not file.is_file():
            raise ValueError("no file")
        return _read_text(file).strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        problem = f"{_shown(file)}: cannot be read ({reason}): make it readable text"
        raise SettingsError([problem]) from None


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_FILE_LIMIT_BYTES + 1)
    if len(content) > _FILE_LIMIT_BYTES:
        raise ValueError(f"more than {_FILE_LIMIT_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")  # Editors on Windows write a byte-order mark.
    except UnicodeDecodeError:
        # The message of the original error shows a byte of the content.
        raise ValueError("not UTF-8 text") from None


def _why_no_file(path: Path) -> str:
    if os.path.exists(path):  # noqa: PTH110  # Path.exists raises as Path.is_file
        return f"{_shown(path)} is not a file"
    return f"the file {_shown(path)} does not exist"


def _shown(path: str | Path) -> str:
    """A path as an error shows it: in one line, and not too long."""
    text = str(path)
    if len(text) > _SHOWN_CHARACTERS:
        text = f"{text[:_SHOWN_CHARACTERS]}…"
    return text if text.isprintable() else repr(text)
