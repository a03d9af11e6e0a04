"""Masking of credentials in the requests that the stand-in shows."""

from collections.abc import Collection
from typing import Any

_MASK = "****"


def mask_header(name: str, value: str, secret_headers: Collection[str], secrets: set[str]) -> str:
    """Return the value of a header; a credential in it is masked, even if it is a wrong one.

    Args:
        name: The name of the header, in lower case.
        value: The value of the header.
        secret_headers: The vendor's headers that contain credentials.
        secrets: The vendor's credentials.
    """
    if name == "authorization":
        return f"{value.partition(' ')[0]} {_MASK}"
    is_secret = name == "cookie" or name in secret_headers
    return _MASK if is_secret or any(secret in value for secret in secrets) else value


def mask(value: Any, secrets: set[str]) -> Any:
    """Return a JSON value in which the strings that are credentials are masked."""
    if isinstance(value, dict):
        return {key: mask(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [mask(item, secrets) for item in value]
    return _MASK if isinstance(value, str) and value in secrets else value
