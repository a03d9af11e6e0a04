"""The variables that Kubernetes sets for each Service, whose names may begin as settings do.

A Service `analytics-gateway` gives every container of its namespace
`ANALYTICS_GATEWAY_PORT=tcp://10.0.0.7:8088` and a dozen others, unless the pod says
`enableServiceLinks: false`.
"""

import logging
import os
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address

log = logging.getLogger("durable_analytics.settings")

_URL = re.compile(r"(tcp|udp|sctp)://(\[[0-9a-fA-F:.]+\]|[0-9.]+):\d{1,5}")
_PORT = re.compile(r"\d{1,5}")
_PROTOCOL = re.compile(r"tcp|udp|sctp")


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


_FORMS: Mapping[str, Callable[[str], object]] = {
    r"_SERVICE_HOST": _is_ip_address,
    r"_SERVICE_PORT(_[A-Z0-9_]+)?": _PORT.fullmatch,
    r"_PORT": _URL.fullmatch,
    r"_PORT_\d+_(TCP|UDP|SCTP)": _URL.fullmatch,
    r"_PORT_\d+_(TCP|UDP|SCTP)_PROTO": _PROTOCOL.fullmatch,
    r"_PORT_\d+_(TCP|UDP|SCTP)_PORT": _PORT.fullmatch,
    r"_PORT_\d+_(TCP|UDP|SCTP)_ADDR": _is_ip_address,
}
"""The ends of their names, each with the check that its value passes."""


def is_service_link(name: str, value: str) -> bool:
    """Whether a variable is one that Kubernetes sets, by its name and its value.

    >>> is_service_link("ANALYTICS_GATEWAY_PORT", "tcp://10.0.0.7:8088")
    True
    >>> is_service_link("ANALYTICS_GATEWAY_PORT", "8088")
    False
    """
    return any(
        re.fullmatch(rf"[A-Z0-9_]*[A-Z0-9]{end}", name) and is_valid(value)
        for end, is_valid in _FORMS.items()
    )


def log_ignored(prefix: str) -> None:
    """Log the variables with this prefix that are ignored because Kubernetes sets them."""
    names = sorted(name for name, text in os.environ.items() if is_service_link(name, text))
    if ignored := [name for name in names if name.startswith(prefix)]:
        log.info("variables of Kubernetes are not settings", extra={"variables": ignored})
