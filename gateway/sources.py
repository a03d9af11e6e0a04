"""Whose request it is: the write key, wherever an SDK puts it."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers

from gateway.limits import Rate
from gateway.refusals import Refusal
from gateway.settings import Source


@dataclass(frozen=True, slots=True)
class Sender:
    """A source, and what is counted of it."""

    name: str
    source: Source
    rate: Rate


class Senders:
    """All that may send.

    Args:
        sources: By name.
    """

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._by_key = [
            (
                source.write_key.get_secret_value().encode(),
                Sender(name, source, Rate(source.requests_per_second)),
            )
            for name, source in sources.items()
        ]
        self.body_limit_bytes = max(one.body_limit_bytes for one in sources.values())
        """Of a body whose sender is not known yet."""

    def find(self, write_key: Any) -> Sender:
        """The sender with this write key; as slow for any other.

        Raises:
            Refusal: There is none.
        """
        given = write_key.encode(errors="replace") if isinstance(write_key, str) else b""
        found = None
        for key, sender in self._by_key:
            if hmac.compare_digest(key, given):
                found = sender
        if found is None:
            told = (
                "the write key is missing or unknown: send it as the user name of Basic, "
                "as Bearer, or as writeKey in the body"
            )
            # Not "Basic", for which a browser would ask its user.
            raise Refusal(401, told, {"WWW-Authenticate": "Bearer"})
        return found


def key_in(headers: Headers) -> str | None:
    """The write key that the headers carry; None where there is no more to say than the body does.

    Raises:
        Refusal: They carry several, or one that cannot be read.
    """
    given = headers.getlist("authorization")
    if len(given) > 1:
        raise Refusal(400, "there is more than one Authorization header: send one")
    scheme, _, value = (given[0] if given else "").strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value or None
    if scheme.lower() != "basic":
        return None
    try:
        user = base64.b64decode(value, validate=True).decode().partition(":")[0]
    except ValueError:
        raise Refusal(400, "the Authorization header is not Basic with base64 in it") from None
    return user or None
