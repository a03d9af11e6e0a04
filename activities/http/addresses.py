"""Which addresses a receiver that others choose may have: none inside this network."""

import asyncio
import ipaddress
import socket


class PrivateAddressError(Exception):
    """A host has only addresses that requests must not be sent to."""


async def public_address(host: str, port: int) -> str:
    """Resolve a host, and return an address of it that is public.

    The connection is made to this address, so that a second answer of the name server cannot lead
    elsewhere.

    Raises:
        PrivateAddressError: It has no public address.
        OSError: The name cannot be resolved.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(item[4][0]) for item in found]
    if public := next((address for address in addresses if _is_public(address)), None):
        return public
    raise PrivateAddressError


_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All public addresses of version 6. `is_global` of Python 3.11 accepts others too."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses that a gateway translates to the version 4 address in their last four bytes."""


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        # What counts is where packets arrive: at the address of version 4 inside, if there is one.
        if inner := _inner_address(parsed):
            parsed = inner
        elif parsed not in _GLOBAL_UNICAST:
            return False
    return parsed.is_global and not parsed.is_multicast


def _inner_address(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour
