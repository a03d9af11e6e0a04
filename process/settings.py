"""Settings: environment over secret files over a TOML file, every problem told."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pydantic
from pydantic import Field
from pydantic_core import ErrorDetails, from_json
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from durable_analytics.contract import TASK_QUEUE
from durable_analytics.errors import SettingsError
from durable_analytics.reading import problem as problem_of

_PREFIX = "ANALYTICS_"
_CONFIG = f"{_PREFIX}CONFIG"
_SECRETS_DIR = f"{_PREFIX}SECRETS_DIR"
_OWN_FILE = "analytics.toml"


class ProcessSettings(BaseSettings):
    """What each process can be told; one file, or one environment, serves all of them."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    elsewhere: ClassVar[frozenset[str]] = frozenset()
    """The settings of the other processes: they may be there, and are not read here."""

    examples: ClassVar[Mapping[str, str]] = {}
    """Where to begin with a setting that has levels below it."""

    task_queue: str = Field(default=TASK_QUEUE, min_length=1)
    """Where the worker polls; callers start their workflows there."""

    compress_payloads: bool = False
    """Whether inputs, plans and outputs are compressed where Temporal stores them. Default false:
    the `temporal` command line and the UI would show them as they are stored. Compressed ones are
    read in any case."""

    log_format: Literal["auto", "console", "json"] = "auto"
    """`auto` is console on a terminal and JSON elsewhere."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """INFO has a line a delivery; WARNING only what went wrong."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins."""
        del env_settings, dotenv_settings, file_secret_settings
        trees = ({k: v for k, v in t.items() if k not in cls.elsewhere} for t in sources())
        return (init_settings, *(InitSettingsSource(settings_cls, tree) for tree in trees))

    @classmethod
    def load(cls) -> Self:
        """The settings of this process.

        Raises:
            SettingsError: One line a problem: the setting, what is wrong, how to set it.
        """
        if problems := _unknown_variables(os.environ, {*cls.model_fields, *cls.elsewhere}):
            raise SettingsError(problems)
        try:
            return cls()
        except pydantic.ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            raise SettingsError(cls._problem(one) for one in details) from None

    @classmethod
    def _problem(cls, details: ErrorDetails) -> str:
        problem = problem_of(cls, details)
        # The provider's own keys are told where they are set: beside the account's.
        steps = [str(s) for s in details["loc"] if s not in ("[key]", "provider")]
        if details["loc"][-1] == "provider":
            steps.append("provider")
        place = ".".join(steps)
        variable = _PREFIX + (cls.examples.get(place) or "__".join(steps).upper())
        words = problem.message.removeprefix("Value error, ")
        return f"{place}: {words}; set it in {toml_file()} or as {variable}"


def from_text(value: Any) -> Any:
    """The environment knows text alone: what reads as JSON, like a number, is meant so."""
    if isinstance(value, dict):
        return {key: from_text(item) for key, item in value.items()}
    try:
        return from_json(value) if isinstance(value, str) else value
    except ValueError:
        return value


def said(*place: str) -> Any:
    """What the settings say there, before anything is checked; None where they say nothing."""
    for tree in sources():
        node: Any = tree
        for step in place:
            node = node.get(step) if isinstance(node, dict) else None
        if node is not None:
            return node
    return None


def named(section: str) -> list[str]:
    """The names that a section has, in the environment, the secret files and the TOML file."""
    sections = [tree.get(section) for tree in sources()]
    return sorted({name for one in sections if isinstance(one, dict) for name in one})


def toml_file() -> Path:
    """The settings file: `ANALYTICS_CONFIG`, or analytics.toml."""
    return Path(os.environ.get(_CONFIG) or _OWN_FILE)


def sources() -> list[dict[str, Any]]:
    """The environment, the secret files and the TOML file, each as a tree; the first one wins.

    Raises:
        SettingsError: One of them cannot be read.
    """
    return [_by_level(os.environ), _by_level(_secret_files()), _toml()]


def _toml() -> dict[str, Any]:
    path = toml_file()
    if not path.is_file():
        if os.environ.get(_CONFIG):
            raise SettingsError([f"{_CONFIG}: there is no file {path}: name a TOML file"])
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError([f"{path}: cannot be read: {error}"]) from None


def _by_level(texts: Mapping[str, str]) -> dict[str, Any]:
    """Variables as the tree that TOML would make; every value stays text.

    >>> _by_level({"ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY": "123456"})
    {'integrations': {'segment': {'write_key': '123456'}}}
    """
    tree: dict[str, Any] = {}
    for name, text in sorted((name.upper(), text) for name, text in texts.items()):
        if not name.startswith(_PREFIX) or name in (_CONFIG, _SECRETS_DIR):
            continue
        *levels, last = name.removeprefix(_PREFIX).lower().split("__")
        node = tree
        for level in levels:
            node = node.setdefault(level, {})
            if isinstance(node, str):
                raise SettingsError([f"{name}: its level {level} is set as text too: keep one"])
        node[last] = text
    return tree


def _secret_files() -> dict[str, str]:
    """The files of `ANALYTICS_SECRETS_DIR`, each named as the environment variable would be."""
    if not (folder := os.environ.get(_SECRETS_DIR)):
        return {}
    if not Path(folder).is_dir():
        told = f"{_SECRETS_DIR}: there is no folder {folder}: name one with secret files"
        raise SettingsError([told])
    texts = {}
    for file in sorted(Path(folder).iterdir()):
        if file.name.upper().startswith(_PREFIX):
            try:
                texts[file.name] = file.read_text().strip()
            except (OSError, ValueError) as error:
                told = f"{file}: cannot be read ({type(error).__name__}): make it readable text"
                raise SettingsError([told]) from None
    return texts


def _unknown_variables(environment: Mapping[str, str], settings: Iterable[str]) -> list[str]:
    """Variables that look like settings and are none: a typing error must not pass in silence."""
    known = {f"{_PREFIX}{name}".upper() for name in settings} | {_CONFIG, _SECRETS_DIR}
    return [
        f"{name}: is not a setting; settings are {', '.join(sorted(known))}"
        for name in sorted(environment)
        if name.upper().startswith(_PREFIX) and name.upper().split("__")[0] not in known
    ]
