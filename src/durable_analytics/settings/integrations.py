"""Integrations as they are configured: our keys of each, and beside them its provider's."""

import inspect
import ssl
from collections.abc import Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import pydantic
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    ImportString,
    SecretStr,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from durable_analytics.delivery.filters import ALL, Filters
from durable_analytics.delivery.integrations import Integration, Integrations
from durable_analytics.delivery.routes import Route, Transform
from durable_analytics.delivery.routing import Routing
from durable_analytics.errors import ValidationError
from durable_analytics.providers import Provider, provider_class, provider_names
from durable_analytics.providers.setting_types import is_host, is_loopback
from durable_analytics.settings.base import AnalyticsSettings
from durable_analytics.settings.breaker import BreakerSettings
from durable_analytics.settings.routing import read_routing, read_suppressed, read_tracking_plan
from durable_analytics.settings.values import (
    Hook,
    Name,
    from_text,
    missing_setting,
    split_at_commas,
)
from durable_analytics.wire.policies import Policies, PolicyLimits, merge_policies
from durable_analytics.wire.problems import problem

_SHORTEST_TURN, _LONGEST_TURN = timedelta(minutes=1), timedelta(days=1)
"""The bounds of the time that a request may wait for its turn."""


def _check_proxy(value: SecretStr) -> SecretStr:
    try:
        url = urlsplit(value.get_secret_value())
        is_valid = url.scheme in ("http", "https") and is_host(url.hostname) and url.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or not value.get_secret_value().isprintable():
        raise ValueError('must be a URL, like "http://proxy.internal:3128"')
    return value


def _check_certificates(value: Path) -> Path:
    try:
        ssl.create_default_context(cafile=str(value))
    except OSError:
        raise ValueError("must be a PEM file with certificates") from None
    return value


def _read_breaker(value: Any) -> Any:
    value = from_text(value)
    if value is False or isinstance(value, (dict, BreakerSettings)):
        return BreakerSettings.model_validate(value) if isinstance(value, dict) else value
    raise ValueError("must be false, or a table with failure_share, minimum, window, open_for")


def _read_list(value: Any) -> Any:
    return split_at_commas(from_text(value))


def _check_segment_name(value: str) -> str:
    if value.casefold() == ALL:
        raise ValueError('must be another name: in the integrations of a message, "All" means all')
    return value


def _check_transform(value: Transform) -> Transform:
    if inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value):
        raise ValueError("must be a function without async: it returns a message, or None")
    try:
        signature = inspect.signature(value)
    except (ValueError, TypeError):  # some functions in C have no signature
        return value
    try:
        signature.bind({}, "")
    except TypeError:
        raise ValueError(
            "must be a function of two arguments: the message, and the name of the integration"
        ) from None
    return value


class IntegrationSettings(BaseModel):
    """One `[integrations.NAME]`: the keys below, and beside them the provider's own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    allow_http: bool = False
    """Whether its URLs may begin with `http://` although their hosts are not this machine. Default
    false: credentials and personal data would be readable on the way."""

    allow_private_addresses: bool = False
    """Whether a webhook's host may have a private or link-local address. Default false; a host that
    is written as this machine, like `localhost`, is always allowed. A proxy decides by itself."""

    provider: SerializeAsAny[Provider]
    """Its name in the settings. Default: the integration's name, where a provider has it."""

    policies: Policies | None = None
    """Timeouts and retries of all its requests, over the defaults."""

    allow_policies_override: bool = False
    """Whether the policies in an input count. Default false: they are ignored, with a warning."""

    policy_limits: Annotated[PolicyLimits, BeforeValidator(from_text)] | None = None
    """Limits of any policies, those of inputs too. Default: none."""

    proxy: Annotated[SecretStr, AfterValidator(_check_proxy)] | None = None
    """The HTTP proxy on the way to the provider; it may hold a user name and password."""

    max_in_flight: int = Field(default=100, ge=1)
    """Requests under way at once, in each worker process. Default 100. Further ones wait for a
    free place: a single message's within its attempt's deadline, a batch's in addition to it."""

    max_requests_per_second: float | None = Field(
        default=None, ge=0.01, le=100_000, allow_inf_nan=False
    )
    """HTTP requests per second of all workers together, 0.01 to 100,000. Default: no limit. Further
    requests wait; the wait is not a part of an attempt's timeout."""

    breaker: Annotated[BreakerSettings | Literal[False], BeforeValidator(_read_breaker)] = (
        BreakerSettings()
    )
    """When to pause the integration because its provider is unavailable; false: never."""

    pause_after_unauthorized: int = Field(default=10, ge=0, le=1_000_000)
    """So many responses 401 or 403 in a row, without a success, pause the integration. Default 10;
    0: never. Each worker process counts its own; a `Call` does not count."""

    obey_integrations: bool = True
    """Whether the `integrations` of a message can exclude this integration, by its name, the name
    of its provider, or `segment_name`. Default true."""

    segment_name: (
        Annotated[str, Field(min_length=1), AfterValidator(_check_segment_name)] | None
    ) = None
    """The name of the integration in the `integrations` of messages, as at Segment."""

    consent_categories: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_read_list)
    ] = ()
    """The categories of consent that a person must have given, all of them, where
    `context.consent` says what was given. Default: none."""

    suppressed_users_file: Annotated[frozenset[str], BeforeValidator(read_suppressed)] | None = None
    """A file with the hashes of users whose messages are not sent: in each line the HMAC-SHA256 of
    an id in hex, with one of `user_hash_keys`. It is read at start."""

    tracking_plan: Annotated[Any, BeforeValidator(read_tracking_plan)] = None
    """A JSON file with a JSON Schema for each event, which the messages must match. It is read at
    start."""

    on_violation: Literal["allow", "omit", "block"] = "block"
    """What happens if a message does not match: it is sent, and the output tells ("allow"); it is
    sent without the wrong values ("omit"); or it is a `ValidationError` ("block"). Default:
    block."""

    transform: Annotated[ImportString[Transform], Hook, AfterValidator(_check_transform)] | None = (
        None
    )
    """A function, as `package.module:function`, that returns the message to send instead of a
    message, or None; see `Transform`."""

    routing: Annotated[Routing, BeforeValidator(read_routing)] | None = None
    """Which messages it gets, and which of their values. Default: all."""

    ca_bundle: Annotated[FilePath, AfterValidator(_check_certificates)] | None = None
    """A PEM file with the certificate authorities to trust. Default: certifi's."""

    def route(self, name: str, hash_keys: tuple[str, ...] = ()) -> Route:
        """Return which messages it gets, and with which values.

        Args:
            name: The name of the integration.
            hash_keys: The `user_hash_keys`.
        """
        own = (name, self.segment_name or name)
        names = (*own, self.provider.title, *self.provider.destination_names)
        filters = Filters(
            self.consent_categories,
            frozenset(map(str.casefold, names)) if self.obey_integrations else frozenset(),
            frozenset(self.suppressed_users_file or ()),
            hash_keys,
        )
        return Route(
            filters,
            ((self.tracking_plan, self.on_violation),) if self.tracking_plan else (),
            self.transform,
            self.routing,
            next(iter(hash_keys), ""),
            name,
        )

    @property
    def needs_public_address(self) -> bool:
        """Whether requests may be sent to public addresses only."""
        return (
            self.provider.has_foreign_receivers
            and not self.allow_private_addresses
            and not is_loopback(urlsplit(self.provider.base_url).hostname)
        )

    def longest_turn(self) -> timedelta | None:
        """Return how long a request may wait for its turn; None if the rate has no limit.

        It is enough for ten processes in which `max_in_flight` messages or batches wait each.
        """
        if self.max_requests_per_second is None:
            return None
        seconds = 10 * self.max_in_flight / self.max_requests_per_second
        return min(max(timedelta(seconds=seconds), _SHORTEST_TURN), _LONGEST_TURN)

    @model_validator(mode="before")
    @classmethod
    def _separate_provider_keys(cls, settings: Any) -> Any:
        if not isinstance(settings, dict) or isinstance(settings.get("provider"), Provider):
            return settings
        own = {key: value for key, value in settings.items() if key in cls.model_fields}
        rest = {key: value for key, value in settings.items() if key not in cls.model_fields}
        return {**own, "provider": (settings.get("provider"), rest)}

    @field_validator("provider", mode="before")
    @classmethod
    def _make_provider(cls, value: Any, info: ValidationInfo) -> Any:
        allow_http = info.data.get("allow_http", False)
        if isinstance(value, Provider):
            for field in _readable_urls(value, allow_http=allow_http):
                raise ValueError(f"{field} {_HTTP}")
            return value
        name, settings = value
        if name not in provider_names():
            raise ValueError(f"must be one of {', '.join(provider_names())}")
        model = provider_class(name)
        try:
            provider = model.model_validate(settings)
        except pydantic.ValidationError as error:
            raise _with_hints(error, model) from None
        if readable := [*_readable_urls(provider, allow_http=allow_http)]:
            raise pydantic.ValidationError.from_exception_data(
                model.title,
                [_error((_setting_of(model, name, settings),), _HTTP) for name in readable],
                hide_input=True,
            )
        return provider

    @field_validator("policies", mode="before")
    @classmethod
    def _check_policies(cls, policies: Any) -> Any:
        if policies is None or isinstance(policies, Policies):
            return policies
        checked = Policies.model_validate(from_text(policies))
        try:
            merge_policies(checked)
        except ValidationError as error:
            raise ValueError(error.message) from None
        return checked


class ConfiguredIntegrations(AnalyticsSettings):
    """The integrations, and which of them is the default: a part of a program's settings."""

    integrations: dict[Name, IntegrationSettings] = Field(min_length=1)
    """The integrations, by name."""

    default_integration: str | None = None
    """The integration of inputs that name none. Default: the only one, where there is only one."""

    @field_validator("integrations", mode="before")
    @classmethod
    def _name_providers(cls, integrations: Any) -> Any:
        if not isinstance(integrations, dict):
            return integrations
        return {
            name: {"provider": name, **settings}
            if isinstance(settings, dict) and name in provider_names()
            else settings
            for name, settings in integrations.items()
        }

    @field_validator("integrations")
    @classmethod
    def _check_hash_key(
        cls, integrations: dict[str, IntegrationSettings], info: ValidationInfo
    ) -> dict[str, IntegrationSettings]:
        if not info.data.get("user_hash_keys"):
            for name, settings in integrations.items():
                if settings.routing and settings.routing.hash:
                    raise missing_setting("user_hash_keys", f"{name}.routing.hash needs a key")
                if settings.suppressed_users_file is not None:
                    raise missing_setting(
                        "user_hash_keys", f"{name}.suppressed_users_file needs keys"
                    )
        return integrations

    @field_validator("default_integration")
    @classmethod
    def _check_default(cls, name: str | None, info: ValidationInfo) -> str | None:
        configured = info.data.get("integrations")
        if name and configured and name not in configured:
            names = ", ".join(sorted(configured))
            raise ValueError(f"must be one of the integrations: {names}")
        return name

    def deliverable(self, *, have_queues: bool = False) -> Integrations:
        """The integrations as deliveries need them.

        Args:
            have_queues: Whether this process polls a task queue for each of them.
        """
        return Integrations(
            {
                name: Integration(
                    name,
                    settings.provider,
                    settings.policies,
                    settings.allow_policies_override,
                    settings.policy_limits,
                    settings.route(name, self.hash_keys),
                    have_queues,
                    settings.longest_turn(),
                )
                for name, settings in self.integrations.items()
            },
            self.default_integration,
        )


_HTTP = (
    'must begin with "https://", since credentials and personal data are readable on the way '
    "otherwise; allow_http = true of the integration allows it"
)


def _readable_urls(provider: Provider, *, allow_http: bool) -> Iterator[str]:
    """Yield the settings whose URL leaves this machine without encryption."""
    if allow_http:
        return
    for name, value in provider:
        url = urlsplit(value) if isinstance(value, str) and ":" in value else None
        if url and url.scheme == "http" and not is_loopback(url.hostname):
            yield name


def _setting_of(model: type[Provider], name: str, settings: Mapping[str, Any]) -> str:
    """Return a field as it is named in the settings, like `url` of a webhook."""
    alias = model.model_fields[name].validation_alias
    names = [str(one) for one in alias.choices] if isinstance(alias, AliasChoices) else []
    return next((one for one in names if one in settings), name)


def _error(loc: tuple[int | str, ...], text: str) -> InitErrorDetails:
    kind = PydanticCustomError("setting", "{text}", {"text": text})
    return InitErrorDetails(type=kind, loc=loc, input=None)


def _with_hints(error: pydantic.ValidationError, model: type[Provider]) -> pydantic.ValidationError:
    """The same errors, with the known keys in place of a key that is unknown."""
    known_keys = sorted({*IntegrationSettings.model_fields, *model.model_fields})
    lines = [
        _error(details["loc"], _describe(details, known_keys))
        for details in error.errors(include_url=False, include_input=False)
    ]
    return pydantic.ValidationError.from_exception_data(model.title, lines, hide_input=True)


def _describe(details: ErrorDetails, known_keys: list[str]) -> str:
    if details["type"] != "extra_forbidden":
        return problem(IntegrationSettings, details).message
    close = get_close_matches(str(details["loc"][-1]), known_keys, n=1)
    if close:
        return f"is not a known key: did you mean {close[0]}?"
    return f"is not a known key; the known keys are {', '.join(known_keys)}"
