"""The settings of a worker: environment over secret files over a TOML file, every problem told."""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    ImportString,
    SecretStr,
    SerializeAsAny,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from durable_analytics.contract import TASK_QUEUE
from durable_analytics.errors import SettingsError, ValidationError
from durable_analytics.hooks import AttemptFailed, ExecutionFailed
from durable_analytics.integrations import Integration, Integrations
from durable_analytics.policies import Duration, Policies, merge_policies
from durable_analytics.providers import Provider, provider_class, provider_names
from durable_analytics.reading import problem as problem_of

_PREFIX = "ANALYTICS_"
_CONFIG = f"{_PREFIX}CONFIG"
_SECRETS_DIR = f"{_PREFIX}SECRETS_DIR"
_OWN_FILE = "analytics.toml"


def _proxy_url(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("http://", "https://", "socks5://", "socks5h://")):
        raise ValueError('must be a URL like "http://proxy.internal:3128"')
    return value


class Account(BaseModel):
    """One `[integrations.NAME]`: the keys below, and beside them the provider's own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    provider: SerializeAsAny[Provider]
    """Its name in the settings. Default: the integration's name, where a provider has it."""

    policies: Policies | None = None
    """Timeouts and retries of all its requests, over the defaults."""

    allow_policies_override: bool = False
    """Whether the policies in an input count. Default false: they are ignored, with a warning."""

    proxy: Annotated[SecretStr, AfterValidator(_proxy_url)] | None = None
    """The HTTP proxy on the way to the provider; it may hold a user name and password."""

    ca_bundle: FilePath | None = None
    """A PEM file with the certificate authorities to trust. Default: certifi's."""

    @model_validator(mode="before")
    @classmethod
    def _split(cls, settings: Any) -> Any:
        """Hand the keys that are not an account's own to the provider's model."""
        if not isinstance(settings, dict) or isinstance(settings.get("provider"), Provider):
            return settings
        name = settings.get("provider")
        known = ", ".join(provider_names())
        if name not in provider_names():
            error = ValueError(f"must be one of {known}")
            raise _at("provider", "value_error", {"error": error})
        own = {key: value for key, value in settings.items() if key in cls.model_fields}
        rest = {key: value for key, value in settings.items() if key not in cls.model_fields}
        return {**own, "provider": provider_class(name).model_validate(rest)}

    @field_validator("policies", mode="before")
    @classmethod
    def _from_text(cls, policies: Any) -> Any:
        """The environment knows text alone, so `maximum_attempts = "3"` is a number here."""
        if policies is None or isinstance(policies, Policies):
            return policies
        checked = Policies.model_validate(policies, strict=False)
        try:
            merge_policies(checked)
        except ValidationError as error:
            raise ValueError(error.message) from None
        return checked


def _at(field: str, kind: Any, context: dict[str, Any]) -> pydantic.ValidationError:
    return pydantic.ValidationError.from_exception_data(
        "Account", [{"type": kind, "loc": (field,), "input": None, "ctx": context}], hide_input=True
    )


class Settings(BaseSettings):
    """Everything that a worker can be told."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        secrets_dir_missing="error",
    )

    task_queue: str = Field(default=TASK_QUEUE, min_length=1)
    """Where the worker polls; callers start their workflows there."""

    default_integration: str | None = None
    """The integration of inputs that name none. Default: the only one, where there is only one."""

    integrations: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Account] = Field(
        min_length=1
    )
    """The accounts, by name."""

    graceful_shutdown_timeout: Duration = timedelta(seconds=10)
    """How long requests in flight may take to finish after SIGTERM. Keep it above the longest
    `single_attempt_timeout`, and the container's stop timeout above it."""

    max_concurrent_activities: int = Field(default=100, ge=1)
    """Requests in flight at once in this process."""

    max_concurrent_workflow_tasks: int = Field(default=100, ge=2)
    """Workflow tasks at once in this process."""

    on_attempt_failed: ImportString[Callable[[AttemptFailed], Any]] | None = None
    """`package.module:function`, called with each failed attempt."""

    on_execution_failed: ImportString[Callable[[ExecutionFailed], Any]] | None = None
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
        del dotenv_settings
        secrets = NestedSecretsSettingsSource(
            file_secret_settings,
            secrets_dir=os.environ.get(_SECRETS_DIR),
            secrets_nested_delimiter="__",
        )
        toml = TomlConfigSettingsSource(settings_cls, toml_file=toml_file())
        return init_settings, env_settings, secrets, toml

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

    @model_validator(mode="after")
    def _default_exists(self) -> Self:
        if self.default_integration and self.default_integration not in self.integrations:
            known = ", ".join(sorted(self.integrations))
            raise ValueError(f"default_integration names none of the integrations: {known}")
        return self

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
    problems = _unknown_variables(os.environ)
    if os.environ.get(_CONFIG) and not toml_file().is_file():
        problems.append(f"{_CONFIG}: there is no file {toml_file()}: name a TOML file")
    if problems:
        raise SettingsError(problems)
    try:
        return Settings()
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise SettingsError(_problem(one) for one in details) from None
    except (OSError, ValueError) as error:
        raise SettingsError([f"{toml_file()}: cannot be read: {error}"]) from None


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and are none: a typing error must not pass in silence."""
    known = {f"{_PREFIX}{name}".upper() for name in Settings.model_fields} | {_CONFIG, _SECRETS_DIR}
    return [
        f"{name}: is not a setting; settings are {', '.join(sorted(known))}"
        for name in sorted(environment)
        if name.startswith(_PREFIX) and name.split("__")[0] not in known
    ]


def _problem(details: ErrorDetails) -> str:
    problem = problem_of(Settings, details)
    steps = [str(step) for step in details["loc"] if step != "[key]"]
    if not steps:
        return problem.message
    variable = _PREFIX + "__".join(steps).upper()
    place = ".".join(steps)
    words = problem.message.removeprefix("Value error, ")
    return f"{place}: {words}; set it in {toml_file()} or as {variable}"
