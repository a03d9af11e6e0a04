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


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_global and not parsed.is_multicast
