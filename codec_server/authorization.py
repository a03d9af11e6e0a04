"""Who may use the codec server: a bearer token of the settings, or a valid JSON Web Token."""

import asyncio
import hmac
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from codec_server.settings import CodecServerSettings, JwtSettings
from runtime.request_error import RequestError

if TYPE_CHECKING:
    from jwt import PyJWK

log = logging.getLogger("durable_analytics.codec_server")

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures with a public key: a token that is signed with a text would be easy to forge."""

_SYSTEM = "temporal-system"
_ROLES = ("read", "write", "admin")
_JWKS_TIMEOUT_SECONDS = 5


class _Check(Protocol):
    async def __call__(self, token: str, namespace: str) -> bool: ...


class Authorization:
    """Checks the `Authorization` of requests.

    Args:
        settings: The settings.
    """

    def __init__(self, settings: CodecServerSettings) -> None:
        self._tokens = [token.get_secret_value().encode() for token in settings.tokens]
        self._namespaces = settings.namespaces
        self._check_jwt: _Check | None = JwtCheck(settings.jwt) if settings.jwt else None

    async def check(self, header: str, namespace: str) -> None:
        """Check a request.

        Args:
            header: Its `Authorization`; empty if it has none.
            namespace: Its `X-Namespace`; empty if it has none.

        Raises:
            RequestError: It is not allowed.
        """
        scheme, _, token = header.strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise RequestError(401, "send the header Authorization: Bearer …")
        # All tokens are compared, so that the time does not show which one is similar.
        matches = [hmac.compare_digest(token.strip().encode(), known) for known in self._tokens]
        if not any(matches) and not (
            self._check_jwt and await self._check_jwt(token.strip(), namespace)
        ):
            raise RequestError(403, "the token is not valid here")
        if self._namespaces and namespace not in self._namespaces:
            raise RequestError(403, "this namespace may not be decoded here: see X-Namespace")


class JwtCheck:
    """Checks JSON Web Tokens.

    Args:
        settings: The settings.
    """

    def __init__(self, settings: JwtSettings) -> None:
        self._settings = settings
        self._key_of = _key_source(settings)

    async def __call__(self, token: str, namespace: str) -> bool:
        """Whether a token is valid and permits to read the namespace."""
        # In a thread, because the keys may have to be fetched.
        claims = await asyncio.to_thread(self._claims, token)
        return claims is not None and self._permits(claims, namespace)

    def _claims(self, token: str) -> dict[str, Any] | None:
        import jwt  # noqa: PLC0415  # an extra

        settings = self._settings
        try:
            return jwt.decode(
                token,
                self._key_of(token),
                algorithms=_ALGORITHMS,
                audience=settings.audience,
                issuer=settings.issuer,
                options={"require": ["exp", "aud"]},
            )
        except jwt.PyJWKClientConnectionError:
            log.error("keys not fetched", extra={"jwks_url": settings.jwks_url})  # noqa: TRY400
            raise RequestError(503, "the keys of the identity provider are out of reach") from None
        except (jwt.PyJWTError, ValueError) as error:
            log.warning("token refused", extra={"reason": type(error).__name__})
            return None

    def _permits(self, claims: dict[str, Any], namespace: str) -> bool:
        if self._settings.permissions_claim is None:
            return True
        found = claims.get(self._settings.permissions_claim)
        permitted = found if isinstance(found, list) else []
        names = {name for name in (namespace, _SYSTEM) if name}
        return any(f"{name}:{role}" in permitted for name in names for role in _ROLES)


def _key_source(settings: JwtSettings) -> "Callable[[str], PyJWK | str]":
    """Return a function that finds the key for a token."""
    import jwt  # noqa: PLC0415  # an extra

    if settings.jwks_url is None:
        public_key = settings.public_key or ""
        return lambda _: public_key
    client = jwt.PyJWKClient(settings.jwks_url, timeout=_JWKS_TIMEOUT_SECONDS)
    return client.get_signing_key_from_jwt
