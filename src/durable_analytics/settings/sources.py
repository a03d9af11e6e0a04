"""The sources of settings: environment variables, then secret files, then the TOML file.

A setting has the value of the first source that contains it.
"""

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
    """Reads settings from variables, with `__` between the levels of a name; values stay text.

    pydantic-settings' own source would read a credential like "123456" as a number. It would also
    ignore a variable with more levels than its setting has.

    Args:
        settings_cls: The settings.
        variables: The values by the names of the variables, in upper or lower case.

    Raises:
        SettingsError: There is a variable for a setting, and another one for a level below it.
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
        """Return that any setting may have levels below it."""
        del field
        return True

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return the text unchanged."""
        del field_name, field
        return value


def settings_sources(
    settings_cls: type[BaseSettings], ignored: Iterable[str] = ()
) -> tuple[PydanticBaseSettingsSource, ...]:
    """Return the sources of settings; a source takes precedence over those after it.

    pydantic-settings' own sources for TOML and secret files are not used: they read files of any
    size, and ignore a file that does not exist, is a pipe, or links to another folder.

    Args:
        settings_cls: The settings.
        ignored: The names in the TOML file that only other programs read.

    Raises:
        SettingsError: One of the sources cannot be read.
    """
    toml = {name: value for name, value in read_toml().items() if name not in ignored}
    return (
        VariablesSource(settings_cls, _read_environment()),
        VariablesSource(settings_cls, read_secret_files()),
        InitSettingsSource(settings_cls, toml),
    )


def check_variables(settings: Iterable[str]) -> None:
    """Check that each environment variable and secret file with the prefix names a setting.

    Args:
        settings: The names of all settings, of every program.

    Raises:
        SettingsError: Some of them do not, with one line for each; or a secret file cannot be read.
    """
    known = {f"{PREFIX}{name}".upper() for name in settings} | {CONFIG, SECRETS_DIR}
    problems = [
        f"{name}: is not a setting; settings are {', '.join(sorted(known))}"
        for name in sorted({*_read_environment(), *read_secret_files()})
        if name.upper().startswith(PREFIX) and name.upper().split("__")[0] not in known
    ]
    if problems:
        raise SettingsError(problems)


class _UncheckedSettings(BaseSettings):
    """The settings that more than one program reads, before they are checked."""

    model_config = SettingsConfigDict(extra="ignore")

    task_queue: Any = None
    default_integration: Any = None
    integrations: Any = None
    sources: Any = None

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the same sources as for the checked settings."""
        return settings_sources(settings_cls)


def configured_value(*path: str) -> Any:
    """Return the value of a setting before it is checked; None if it is not set.

    Args:
        path: The names of its levels, like "integrations", "segment".

    Raises:
        SettingsError: One of the sources cannot be read.
    """
    value: Any = _UncheckedSettings().model_dump()
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def configured_names(section: str) -> list[str]:
    """Return the sorted names in a section, like the names in `integrations`.

    Raises:
        SettingsError: One of the sources cannot be read.
    """
    names = configured_value(section)
    return sorted(names) if isinstance(names, dict) else []


def _read_environment() -> dict[str, str]:
    """Return the environment variables, except those that Kubernetes sets for its services."""
    return {name: text for name, text in os.environ.items() if not is_service_link(name, text)}
