"""Which addresses a receiver that others choose may have: none inside this network."""

import asyncio
import ipaddress
import socket


class PrivateAddressError(Exception):
    """A host has only addresses that requests must not be sent to."""


async def public_addresses(host: str, port: int) -> list[str]:
    """Resolve a host, and return its public addresses, in the order to try them: at least one.

    The connection is made to one of them, so that a second answer of the name server cannot lead
    elsewhere. The first ones are of different IP versions, because often only one version works.

    Raises:
        PrivateAddressError: It has no public address.
        OSError: The name cannot be resolved.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    public = [(family, str(item[0])) for family, *_, item in found if _is_public(str(item[0]))]
    if not public:
        raise PrivateAddressError
    first_of_each = dict(reversed(public)).values()
    addresses = [address for _, address in public]
    return sorted(addresses, key=lambda address: address not in first_of_each)


_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All public addresses of version 6. `is_global` of Python 3.11 accepts others too."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses that a gateway translates to the version 4 address in their last four bytes."""


_PROTOCOL_ASSIGNMENTS = ipaddress.IPv4Network("192.0.0.0/24")
"""Not public, apart from two anycast addresses (RFC 6890); a cloud keeps credentials there. To
`is_global` of Python 3.11, most of them are."""


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        # What counts is where packets arrive: at the address of version 4 inside, if there is one.
        if inner := _inner_address(parsed):
            parsed = inner
        elif parsed not in _GLOBAL_UNICAST:
            return False
    return parsed.is_global and not parsed.is_multicast and parsed not in _PROTOCOL_ASSIGNMENTS


def _inner_address(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour
