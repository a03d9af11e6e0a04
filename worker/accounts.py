"""One integration's settings: an account's own keys, and beside them its provider's."""

import ssl
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import httpx
import pydantic
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FilePath,
    SecretStr,
    SerializeAsAny,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from durable_analytics.errors import ValidationError
from durable_analytics.policies import Policies, merge_policies
from durable_analytics.providers import Provider, provider_class, provider_names
from durable_analytics.reading import problem
from process.settings import from_text


def _proxy_url(value: SecretStr) -> SecretStr:
    try:
        url = httpx.URL(value.get_secret_value())
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError('must be a URL like "http://proxy.internal:3128"')
    return value


def _authorities(value: Path) -> Path:
    try:
        ssl.create_default_context(cafile=str(value))
    except OSError:
        raise ValueError("must be a PEM file with certificates") from None
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

    ca_bundle: Annotated[FilePath, AfterValidator(_authorities)] | None = None
    """A PEM file with the certificate authorities to trust. Default: certifi's."""

    @model_validator(mode="before")
    @classmethod
    def _split(cls, settings: Any) -> Any:
        """Hand the keys that are not an account's own to the provider's model."""
        if not isinstance(settings, dict) or isinstance(settings.get("provider"), Provider):
            return settings
        own = {key: value for key, value in settings.items() if key in cls.model_fields}
        rest = {key: value for key, value in settings.items() if key not in cls.model_fields}
        return {**own, "provider": (settings.get("provider"), rest)}

    @field_validator("provider", mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        if isinstance(given, Provider):
            return given
        name, settings = given
        if name not in provider_names():
            raise ValueError(f"must be one of {', '.join(provider_names())}")
        model = provider_class(name)
        try:
            return model.model_validate(settings)
        except pydantic.ValidationError as error:
            raise _told(error, model) from None

    @field_validator("policies", mode="before")
    @classmethod
    def _fitting(cls, policies: Any) -> Any:
        if policies is None or isinstance(policies, Policies):
            return policies
        checked = Policies.model_validate(from_text(policies))
        try:
            merge_policies(checked)
        except ValidationError as error:
            raise ValueError(error.message) from None
        return checked


def _told(error: pydantic.ValidationError, model: type[Provider]) -> pydantic.ValidationError:
    """The same, where the model is still known: unknown keys are told with those that it has."""
    known = sorted({*Account.model_fields, *model.model_fields})
    details = error.errors(include_url=False, include_input=False)
    lines = [
        InitErrorDetails(
            type=PydanticCustomError("setting", "{words}", {"words": _words(one, known)}),
            loc=one["loc"],
            input=None,
        )
        for one in details
    ]
    return pydantic.ValidationError.from_exception_data(model.title, lines, hide_input=True)


def _words(details: ErrorDetails, known: list[str]) -> str:
    if details["type"] != "extra_forbidden":
        return problem(Account, details).message
    close = get_close_matches(str(details["loc"][-1]), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known here are {', '.join(known)}"
    return f"is not a known key: {hint}"
