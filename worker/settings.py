"""The settings of a worker: environment over secret files over a TOML file, every problem told."""

import os
import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ImportString,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from durable_analytics.contract import TASK_QUEUE
from durable_analytics.errors import SettingsError
from durable_analytics.hooks import AttemptFailed, ExecutionFailed
from durable_analytics.integrations import Integration, Integrations
from durable_analytics.policies import Duration
from durable_analytics.providers import provider_names
from durable_analytics.reading import problem as problem_of
from worker.accounts import Account, from_text

_PREFIX = "ANALYTICS_"
_CONFIG = f"{_PREFIX}CONFIG"
_SECRETS_DIR = f"{_PREFIX}SECRETS_DIR"
_OWN_FILE = "analytics.toml"


def _imported(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """A hook's module is the operator's code: whatever it raises is a wrong setting."""
    try:
        return handler(value)
    except pydantic.ValidationError:
        raise
    except Exception as error:  # noqa: BLE001  # for that reason
        raise ValueError(f"its module fails with {type(error).__name__}") from None


Hook = WrapValidator(_imported)


class WorkerSettings(BaseModel):
    """`[worker]`: how the work is spread over processes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    processes: int = Field(default=1, ge=1)
    """Worker processes of one `python -m worker`. Default 1. A process fills one core at most: set
    it to the number of cores, where Temporal itself runs elsewhere. With more than one, the process
    that was started only sees to the others, and every limit of a process counts in each of
    them."""


class Settings(BaseSettings):
    """Everything that a worker can be told."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    task_queue: str = Field(default=TASK_QUEUE, min_length=1)
    """Where the worker polls; callers start their workflows there."""

    integrations: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Account] = Field(
        min_length=1
    )
    """The accounts, by name."""

    default_integration: str | None = None
    """The integration of inputs that name none. Default: the only one, where there is only one."""

    worker: WorkerSettings = WorkerSettings()
    """How the work is spread over processes."""

    graceful_shutdown_timeout: Duration = timedelta(seconds=10)
    """How long requests in flight may take to finish after SIGTERM. Keep it above the longest
    `single_attempt_timeout`, and the container's stop timeout above it."""

    max_concurrent_activities: int = Field(default=100, ge=1)
    """Requests in flight at once in this process."""

    max_concurrent_workflow_tasks: int = Field(default=10, ge=2)
    """Workflow tasks at once in this process. Each batch among them is in memory, and prepared
    ahead of its request: with 100, a backlog of batches takes three times the memory."""

    compress_payloads: bool = False
    """Whether inputs, plans and outputs are compressed where Temporal stores them. Default false:
    the `temporal` command line and the UI would show them as they are stored. Compressed ones are
    read in any case."""

    on_attempt_failed: Annotated[ImportString[Callable[[AttemptFailed], Any]], Hook] | None = None
    """`package.module:function`, called with each failed attempt."""

    on_execution_failed: Annotated[ImportString[Callable[[ExecutionFailed], Any]], Hook] | None = (
        None
    )
    """`package.module:function`, called with each execution that failed for good."""

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
        return (init_settings, *(InitSettingsSource(settings_cls, tree) for tree in sources()))

    @field_validator("integrations", mode="before")
    @classmethod
    def _provider_by_name(cls, integrations: Any) -> Any:
        if not isinstance(integrations, dict):
            return integrations
        return {
            name: {"provider": name, **account}
            if isinstance(account, dict) and name in provider_names()
            else account
            for name, account in integrations.items()
        }

    @field_validator("default_integration")
    @classmethod
    def _exists(cls, name: str | None, info: ValidationInfo) -> str | None:
        known = info.data.get("integrations")
        if name and known and name not in known:
            raise ValueError(f"must be one of the integrations: {', '.join(sorted(known))}")
        return name

    @field_validator("graceful_shutdown_timeout", mode="before")
    @classmethod
    def _number(cls, timeout: Any) -> Any:
        return from_text(timeout)

    def deliverable(self) -> Integrations:
        """The integrations as the activities need them."""
        return Integrations(
            {
                name: Integration(
                    name, account.provider, account.policies, account.allow_policies_override
                )
                for name, account in self.integrations.items()
            },
            self.default_integration,
        )


def toml_file() -> Path:
    """The settings file: `ANALYTICS_CONFIG`, or analytics.toml."""
    return Path(os.environ.get(_CONFIG) or _OWN_FILE)


def load() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: One line a problem: the setting, what is wrong, how to set it.
    """
    if problems := _unknown_variables(os.environ):
        raise SettingsError(problems)
    try:
        return Settings()
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise SettingsError(_problem(one) for one in details) from None


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


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and are none: a typing error must not pass in silence."""
    known = {f"{_PREFIX}{name}".upper() for name in Settings.model_fields} | {_CONFIG, _SECRETS_DIR}
    return [
        f"{name}: is not a setting; settings are {', '.join(sorted(known))}"
        for name in sorted(environment)
        if name.upper().startswith(_PREFIX) and name.upper().split("__")[0] not in known
    ]


def _problem(details: ErrorDetails) -> str:
    problem = problem_of(Settings, details)
    # The provider's own keys are told where they are set: beside the account's.
    steps = [str(s) for s in details["loc"] if s not in ("[key]", "provider")]
    if details["loc"][-1] == "provider":
        steps.append("provider")
    place = ".".join(steps)
    variable = _PREFIX + "__".join(steps).upper()
    if steps == ["integrations"]:
        place, variable = "integrations", f"{variable}__SEGMENT__WRITE_KEY"
    words = problem.message.removeprefix("Value error, ")
    return f"{place}: {words}; set it in {toml_file()} or as {variable}"
