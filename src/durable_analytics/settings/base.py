"""The settings that every program has, how they are loaded, and how wrong ones are reported."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from durable_analytics.errors import SettingsError
from durable_analytics.settings.files import PREFIX, toml_file
from durable_analytics.settings.sources import check_variables, settings_sources
from durable_analytics.settings.values import MISSING_SETTING, QueueName, split_at_commas
from durable_analytics.temporal.encryption_keys import EncryptionKey, read_keys
from durable_analytics.wire.methods import TASK_QUEUE
from durable_analytics.wire.problems import problem


def _read_encryption_keys(keys: tuple[SecretStr, ...]) -> tuple[EncryptionKey, ...]:
    return read_keys(key.get_secret_value() for key in keys)


def _check_encryption_keys(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    _read_encryption_keys(keys)
    return keys


class AnalyticsSettings(BaseSettings):
    """The settings of every program; one file, or one environment, serves all of them."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    elsewhere: ClassVar[frozenset[str]] = frozenset()
    """The settings of the other programs: they may be set, and are not read here."""

    checks_names: ClassVar[bool] = True
    """Whether a variable that is named like a setting and is none is an error."""

    examples: ClassVar[Mapping[str, str]] = {}
    """The variable to show in an error for a setting that has levels below it."""

    task_queue: QueueName = TASK_QUEUE
    """Where the worker polls; callers start their workflows there."""

    compress_payloads: bool = False
    """Whether inputs, plans and outputs are compressed where Temporal stores them. Default false:
    the `temporal` command line and the UI would show them as they are stored. Compressed ones are
    read in any case."""

    user_hash_keys: Annotated[
        tuple[Annotated[SecretStr, Field(min_length=1)], ...], BeforeValidator(split_at_commas)
    ] = ()
    """Secret keys with which user ids are hashed for the search attribute `AnalyticsUser`, so that
    an operator finds the messages of a user. The first one is used; with several, the messages that
    were hashed with an earlier key are found too. Default: the attribute is not set."""

    encryption_keys: Annotated[
        tuple[SecretStr, ...],
        AfterValidator(_check_encryption_keys),
        BeforeValidator(split_at_commas),
    ] = ()
    """Secret keys, like `k1:…`, with which all payloads and the messages of failures are encrypted
    where Temporal stores them, with AES-256-GCM. The first one encrypts, all of them decrypt.
    `durable-analytics keys new` prints a key. Default: nothing is encrypted. Needs the extra
    `encryption`."""

    @property
    def payload_keys(self) -> tuple[EncryptionKey, ...]:
        """The `encryption_keys`, read."""
        return _read_encryption_keys(self.encryption_keys)

    @property
    def hash_keys(self) -> tuple[str, ...]:
        """The `user_hash_keys`, not masked."""
        return tuple(key.get_secret_value() for key in self.user_hash_keys)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Any, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins."""
        return (init_settings, *settings_sources(settings_cls, cls.elsewhere))

    @classmethod
    def load(cls) -> Self:
        """Load the settings of this program.

        Raises:
            SettingsError: One line a problem: the setting, what is wrong, how to set it.
        """
        if cls.checks_names:
            check_variables({*cls.model_fields, *cls.elsewhere})
        try:
            return cls()
        except pydantic.ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            raise SettingsError(cls._problem(item) for item in details) from None

    @classmethod
    def problem_at(cls, setting: str, message: str) -> str:
        """One line: the setting, what is wrong, how to set it.

        Args:
            setting: Its path, with dots between the levels.
            message: What is wrong.
        """
        variable = PREFIX + (cls.examples.get(setting) or setting.replace(".", "__").upper())
        return f"{setting}: {message}; set it in {toml_file()} or as {variable}"

    @classmethod
    def _problem(cls, details: ErrorDetails) -> str:
        if details["type"] == MISSING_SETTING:
            return cls.problem_at(details["ctx"]["setting"], details["msg"])
        # A provider's own keys are set beside the integration's.
        path = [str(step) for step in details["loc"] if step not in ("[key]", "provider")]
        if details["loc"][-1] == "provider":
            path.append("provider")
        message = problem(cls, details).message.removeprefix("Value error, ")
        return cls.problem_at(".".join(path), message)
