"""The sources that may send, found by the write key of a request."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers

from gateway.errors import RequestError
from gateway.rate_limit import RateLimit
from gateway.settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Source:
    """A configured source, with its rate limit."""

    name: str
    settings: SourceSettings
    rate_limit: RateLimit


class Sources:
    """All configured sources.

    Args:
        sources: The settings of each source, by name.
    """

    def __init__(self, sources: Mapping[str, SourceSettings]) -> None:
        self._by_key = [
            (
                settings.write_key.get_secret_value().encode(),
                Source(name, settings, RateLimit(settings.requests_per_second)),
            )
            for name, settings in sources.items()
        ]
        self.body_limit_bytes = max(settings.body_limit_bytes for settings in sources.values())
        """The limit for a body whose source is not known before it is read."""

    def find(self, write_key: Any) -> Source:
        """Return the source with this write key; every key is compared in constant time.

        Raises:
            RequestError: 401, no source has this key.
        """
        candidate = write_key.encode(errors="replace") if isinstance(write_key, str) else b""
        found = None
        for key, source in self._by_key:
            if hmac.compare_digest(key, candidate):
                found = source
        if found is None:
            reason = (
                "the write key is missing or unknown: send it as the user name of Basic, "
                "as Bearer, or as writeKey in the body or the query"
            )
            # Not "Basic": a browser would ask its user for a password.
            raise RequestError(401, reason, {"WWW-Authenticate": "Bearer"})
        return found


def key_from_headers(headers: Headers) -> str | None:
    """The write key in the Authorization header; None if there is none.

    Raises:
        RequestError: There are several Authorization headers, or Basic cannot be decoded.
    """
    values = headers.getlist("authorization")
    if len(values) > 1:
        raise RequestError(400, "there is more than one Authorization header: send one")
    scheme, _, credentials = (values[0] if values else "").strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "bearer":
        return credentials or None
    if scheme.lower() != "basic":
        return None
    try:
        user = base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except ValueError:
        reason = "the Authorization header is not Basic with base64 in it"
        raise RequestError(400, reason) from None
    return user or None
