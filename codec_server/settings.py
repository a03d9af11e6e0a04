"""The settings of the codec server: its address, who may use it, and which web pages may."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from durable_analytics.errors import SettingsError
from durable_analytics.providers.setting_types import is_loopback
from durable_analytics.settings.values import split_at_commas
from runtime.settings import OF_WORKERS, ProcessSettings

_ORIGIN = re.compile(r"https?://[^/?#@\sA-Z*]+")
_MIN_TOKEN_CHARACTERS = 16


def _check_origin(origin: str) -> str:
    if not _ORIGIN.fullmatch(origin):
        raise ValueError(
            'must be the origin of the Temporal UI, like "https://temporal.example.com": in lower '
            'case, without a path or a slash at the end, and not "*"'
        )
    return origin


def _check_token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if len(text) < _MIN_TOKEN_CHARACTERS or not text.isascii() or not text.isprintable():
        raise ValueError(
            f"must have {_MIN_TOKEN_CHARACTERS} printable ASCII characters or more: "
            "set a random text, like that of `openssl rand -hex 32`"
        )
    return token


def _check_jwks_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError(
            'must begin with "https://": who can replace the keys on their way can read everything'
        )
    return url


def _read_public_key(value: Any) -> Any:
    try:
        return Path(str(value)).read_text(encoding="ascii")
    except (OSError, ValueError):
        raise ValueError("must be a readable PEM file with a public key") from None


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class JwtSettings(_Section):
    """`[codec_server.jwt]`: how to check the JSON Web Tokens that the Temporal UI passes on."""

    jwks_url: Annotated[str, AfterValidator(_check_jwks_url)] | None = None
    """The URL of the identity provider's public keys, like `https://…/jwks.json`."""

    public_key: Annotated[str, BeforeValidator(_read_public_key)] | None = None
    """The path of a PEM file with the public key, instead of `jwks_url`."""

    audience: str = Field(min_length=1)
    """The `aud` that a token must have, so that a token for another program is refused."""

    issuer: str | None = Field(default=None, min_length=1)
    """The `iss` that a token must have. Default: any."""

    permissions_claim: str | None = Field(default=None, min_length=1)
    """The claim that lists permissions in the format of Temporal's own authorizer, like
    `["default:read"]`; Temporal's default name for it is `permissions`. If this is set, a token
    needs a permission for the namespace of the request, or for `temporal-system`. Default: every
    valid token may read every namespace."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.jwks_url) == bool(self.public_key):
            raise ValueError("must have either jwks_url or public_key")
        if find_spec("jwt") is None:
            raise ValueError(
                "needs the package pyjwt, which is missing: install durable-analytics[codec-server]"
            )
        return self


class CodecServerSettings(_Section):
    """`[codec_server]`: the address, and who may use it."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """The address to listen on. Default: loopback only; `0.0.0.0` means every address."""

    port: int = Field(default=8081, ge=1, le=65535)
    """The port to listen on."""

    cors_origins: Annotated[
        tuple[Annotated[str, AfterValidator(_check_origin)], ...], BeforeValidator(split_at_commas)
    ] = ()
    """The origins of the Temporal UI, like `https://temporal.example.com`. Default: none; the
    `temporal` command line needs none."""

    tokens: Annotated[
        tuple[Annotated[SecretStr, AfterValidator(_check_token)], ...],
        BeforeValidator(split_at_commas),
    ] = ()
    """Secret tokens. A request with one of them, `Authorization: Bearer …`, may decode and encode
    payloads."""

    jwt: JwtSettings | None = None
    """How JSON Web Tokens are checked. Default: only `tokens` are accepted."""

    namespaces: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(split_at_commas)
    ] = ()
    """The namespaces whose payloads may be decoded; a request names its namespace in the header
    `X-Namespace`. Default: all."""


class Settings(ProcessSettings):
    """All settings of the codec server."""

    elsewhere: ClassVar = OF_WORKERS | {"client", "gateway", "sources"}

    codec_server: CodecServerSettings = CodecServerSettings()
    """The address, and who may use it."""

    @classmethod
    def load(cls) -> Self:
        """Load the settings of this process.

        Raises:
            SettingsError: One line for each problem: the setting, what is wrong, how to set it.
        """
        settings = super().load()
        if not settings.codec_server.tokens and settings.codec_server.jwt is None:
            reason = (
                "is required, or codec_server.jwt: "
                "everybody who may use the codec server can read personal data"
            )
            raise SettingsError([cls.problem_at("codec_server.tokens", reason)])
        return settings
