"""Common kinds of authentication, for `Vendor.authorizes`.

Each function returns a check of requests. Its arguments are keys of `Vendor.credentials`, not the
credentials themselves.
"""

import base64
import hmac
import time
from collections.abc import Mapping
from typing import Any

from durable_analytics.testing._received import Received
from durable_analytics.testing._vendor import Authorizes

_SIGNATURE_TOLERANCE_SECONDS = 5 * 60
"""Standard Webhooks: reject timestamps too far from now; its libraries allow 5 minutes."""


def basic(user: str, password: str | None = None) -> Authorizes:
    """Check Basic authentication; without `password`, any password is valid."""

    def authorizes(request: Received, credentials: Mapping[str, str]) -> bool:
        sent = request.basic()
        return sent is not None and (
            sent[0] == credentials[user] and (password is None or sent[1] == credentials[password])
        )

    return authorizes


def bearer(credential: str) -> Authorizes:
    """Check a Bearer token."""
    return header("authorization", credential, scheme="Bearer ")


def header(name: str, credential: str, *, scheme: str = "") -> Authorizes:
    """Check a header.

    Args:
        name: The name of the header, in lower case.
        credential: The key of the credential.
        scheme: The text in the header before the credential.
    """
    return lambda request, credentials: (
        request.headers.get(name) == scheme + credentials[credential]
    )


def query(name: str, credential: str) -> Authorizes:
    """Check a query parameter."""
    return lambda request, credentials: request.query.get(name) == credentials[credential]


def body(key: str, credential: str) -> Authorizes:
    """Check a key in the body, which is a JSON object or a form."""
    return lambda request, credentials: _contains(request.body, key, credentials[credential])


def each_item(key: str, credential: str) -> Authorizes:
    """Check a key in each object of the body, which is a JSON array."""
    return lambda request, credentials: (
        isinstance(request.body, list)
        and request.body != []
        and all(_contains(item, key, credentials[credential]) for item in request.body)
    )


def signature(credential: str) -> Authorizes:
    """Check a `v1` signature of Standard Webhooks, which covers `id.timestamp.body`.

    Args:
        credential: The key of the signing secret, which begins with `whsec_`.
    """

    def authorizes(request: Received, credentials: Mapping[str, str]) -> bool:
        sent = request.headers
        message_id, timestamp = sent.get("webhook-id", ""), sent.get("webhook-timestamp", "")
        if not (message_id and timestamp.isdecimal()):
            return False
        if abs(time.time() - int(timestamp)) > _SIGNATURE_TOLERANCE_SECONDS:
            return False
        key = base64.b64decode(credentials[credential].removeprefix("whsec_"))
        signed = f"{message_id}.{timestamp}.".encode() + request.content
        expected = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return expected in sent.get("webhook-signature", "").split()

    return authorizes


def any_of(*checks: Authorizes) -> Authorizes:
    """Check that a request passes at least one of these checks."""
    return lambda request, credentials: any(check(request, credentials) for check in checks)


def _contains(value: Any, key: str, credential: str) -> bool:
    return isinstance(value, dict) and value.get(key) == credential
