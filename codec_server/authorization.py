"""Decides who may use the codec server: by a token of the settings, or by a JSON Web Token."""

import asyncio
import hmac
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codec_server.settings import CodecServerSettings, JwtSettings
from runtime.request_error import RequestError

if TYPE_CHECKING:
    from jwt import PyJWK

log = logging.getLogger("durable_analytics.codec_server")

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Only asymmetric algorithms. With a symmetric one, like HS256, the public key would be the secret,
and everybody who knows it could sign a token."""

_SYSTEM_NAMESPACE = "temporal-system"
"""Temporal's name for the whole server: a permission for it is one for every namespace."""

_READING_ROLES = ("read", "write", "admin")
_JWKS_TIMEOUT_SECONDS = 5


class Authorization:
    """Checks the `Authorization` header of requests.

    Args:
        settings: The accepted tokens, and the namespaces that may be decoded.
    """

    def __init__(self, settings: CodecServerSettings) -> None:
        self._tokens = [token.get_secret_value().encode() for token in settings.tokens]
        self._namespaces = settings.namespaces
        self._jwt_check = JwtCheck(settings.jwt) if settings.jwt else None

    async def check(self, header: str, namespace: str) -> None:
        """Check whether a request may decode and encode payloads.

        Args:
            header: The value of its `Authorization` header; empty without one.
            namespace: The value of its `X-Namespace` header; empty without one.

        Raises:
            RequestError: 401 without a bearer token; 403 if the token or the namespace is not
                accepted; 503 if the keys of the identity provider are out of reach.
        """
        scheme, _, token = header.strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise RequestError(401, "send the header Authorization: Bearer …")
        token = token.strip()
        # Compare with all tokens: then the response time does not show which one matches.
        matches = [hmac.compare_digest(token.encode(), accepted) for accepted in self._tokens]
        if not any(matches) and not (
            self._jwt_check and await self._jwt_check.permits(token, namespace)
        ):
            raise RequestError(403, "the token is not valid here")
        if self._namespaces and namespace not in self._namespaces:
            raise RequestError(403, "this namespace may not be decoded here: see X-Namespace")


class JwtCheck:
    """Checks JSON Web Tokens.

    Args:
        settings: The keys that sign valid tokens, and the claims that a token must have.
    """

    def __init__(self, settings: JwtSettings) -> None:
        self._settings = settings
        self._find_key = _key_finder(settings)

    async def permits(self, token: str, namespace: str) -> bool:
        """Whether a token is valid and permits reading the namespace.

        Raises:
            RequestError: 503, the keys of the identity provider are out of reach.
        """
        # In a thread, because it may fetch the keys.
        claims = await asyncio.to_thread(self._decode, token)
        return claims is not None and self._has_permission(claims, namespace)

    def _decode(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token; None if it is not valid."""
        import jwt  # noqa: PLC0415  # an extra

        settings = self._settings
        try:
            return jwt.decode(
                token,
                self._find_key(token),
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

    def _has_permission(self, claims: dict[str, Any], namespace: str) -> bool:
        if self._settings.permissions_claim is None:
            return True
        claim = claims.get(self._settings.permissions_claim)
        permissions = claim if isinstance(claim, list) else []
        namespaces = {name for name in (namespace, _SYSTEM_NAMESPACE) if name}
        return any(
            f"{name}:{role}" in permissions for name in namespaces for role in _READING_ROLES
        )


def _key_finder(settings: JwtSettings) -> "Callable[[str], PyJWK | str]":
    """Return a function that takes a token and returns the public key to verify it with."""
    import jwt  # noqa: PLC0415  # an extra

    if settings.jwks_url is None:
        public_key = settings.public_key or ""
        return lambda _: public_key
    client = jwt.PyJWKClient(settings.jwks_url, timeout=_JWKS_TIMEOUT_SECONDS)
    return client.get_signing_key_from_jwt
