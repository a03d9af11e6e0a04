"""The types of a provider's settings: addresses and credentials."""

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from durable_analytics.providers.request_options import is_header_value


def is_host(name: str | None) -> bool:
    """Whether a text is a host name or an IP address.

    A name whose last part is a number, like `2130706433` or `0177.0.0.1`, is none: some programs
    read it as an address, and others do not.
    """
    if name is None or len(name) > 253 or not _HOST.fullmatch(name):
        return False
    if not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str | None) -> bool:
    """Whether a host of a URL is written as this machine: `localhost`, 127.…, or `::1`."""
    if name is None:
        return False
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.casefold() == "localhost"


_HOST = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*|[0-9a-f.]*:[0-9a-f:.]*", re.ASCII | re.IGNORECASE)

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


def _url(value: str) -> str:
    try:
        url = urlsplit(value)
        is_url = url.scheme in ("http", "https") and is_host(url.hostname) and url.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise ValueError('must be a URL, like "https://api.example.com"')
    if not value.isprintable() or " " in value:
        raise ValueError("must not contain spaces or control characters")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("must not contain credentials, a query or a fragment")
    return value


Url = Annotated[str, AfterValidator(_url)]
"""An http or https URL without credentials, query and fragment."""

BaseUrl = Annotated[Url, AfterValidator(lambda url: url.rstrip("/"))]
"""A `Url` from which a slash at the end is removed."""


def _credential(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if not secret or " " in secret or not is_header_value(secret):
        raise ValueError("must be printable ASCII text without spaces, and not empty")
    return value


Credential = Annotated[SecretStr, AfterValidator(_credential)]
"""A secret: printable ASCII without spaces. It is masked when a setting is shown."""
