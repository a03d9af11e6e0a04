"""The sources of settings: environment variables override secret files, these the TOML file."""

import os
from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from durable_analytics.errors import SettingsError
from durable_analytics.settings.files import (
    CONFIG,
    PREFIX,
    SECRETS_DIR,
    read_secret_files,
    read_toml,
)
from durable_analytics.settings.service_links import is_service_link


class VariablesSource(EnvSettingsSource):
    """Variables, with `__` between the levels of a setting; all values stay text.

    pydantic-settings' own source would read a credential like "123456" as a number, and would
    ignore a variable below a setting that has no levels.

    Args:
        settings_cls: The settings.
        variables: The values by the names of the variables, in upper or lower case.

    Raises:
        SettingsError: A variable is set, and another one for a level below it; only one can apply.
    """

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str]) -> None:
        super().__init__(settings_cls, env_prefix=PREFIX, env_nested_delimiter="__")
        self.env_vars = {
            name.lower(): text
            for name, text in variables.items()
            if name.upper().startswith(PREFIX)
        }
        for parent, name in permutations(sorted(self.env_vars), 2):
            if name.startswith(f"{parent}__"):
                level = parent.removeprefix(PREFIX.lower()).split("__")[-1]
                reason = (
                    f"conflicts with a variable that sets {level} to a text: remove one of them"
                )
                raise SettingsError([f"{name.upper()}: {reason}"])

    def field_is_complex(self, field: FieldInfo) -> bool:
        """Look for levels below any setting."""
        del field
        return True

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Keep text as it is."""
        del field_name, field
        return value


def settings_sources(
    settings_cls: type[BaseSettings], ignored: Iterable[str] = ()
) -> tuple[PydanticBaseSettingsSource, ...]:
    """Return the sources of settings; a source overrides those after it.

    pydantic-settings' sources for TOML and secret files are not used: they read a file of any
    size, and ignore a file that is missing, a pipe, or a link to another folder.

    Args:
        settings_cls: The settings.
        ignored: The sections of the TOML file that only other programs read.

    Raises:
        SettingsError: One of the sources cannot be read.
    """
    toml = {name: value for name, value in read_toml().items() if name not in ignored}
    return (
        VariablesSource(settings_cls, _environment()),
        VariablesSource(settings_cls, read_secret_files()),
        InitSettingsSource(settings_cls, toml),
    )


def check_variables(settings: Iterable[str]) -> None:
    """Refuse environment variables and secret files with our prefix that name no setting.

    Args:
        settings: The names of all settings, of every program.

    Raises:
        SettingsError: There are such variables, with one line for each; or a secret file cannot be
            read.
    """
    known = {f"{PREFIX}{name}".upper() for name in settings} | {CONFIG, SECRETS_DIR}
    problems = [
        f"{name}: is not a setting; settings are {', '.join(sorted(known))}"
        for name in sorted({*_environment(), *read_secret_files()})
        if name.upper().startswith(PREFIX) and name.upper().split("__")[0] not in known
    ]
    if problems:
        raise SettingsError(problems)


class _Configured(BaseSettings):
    """The settings that several programs share, before they are checked."""

    model_config = SettingsConfigDict(extra="ignore")

    task_queue: Any = None
    default_integration: Any = None
    integrations: Any = None
    sources: Any = None

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The same sources as for the checked settings."""
        return settings_sources(settings_cls)


def configured_value(*path: str) -> Any:
    """Return the value at a path, before it is checked; None if it is not set.

    Args:
        path: The names of the levels, like "integrations", "segment".

    Raises:
        SettingsError: One of the sources cannot be read.
    """
    value: Any = _Configured().model_dump()
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def configured_names(section: str) -> list[str]:
    """Return the names in a section, sorted, like the names of the integrations.

    Raises:
        SettingsError: One of the sources cannot be read.
    """
    names = configured_value(section)
    return sorted(names) if isinstance(names, dict) else []


def _environment() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not is_service_link(name, text)}
