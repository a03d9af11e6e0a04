"""Finds ports that are not in use.

They are below the range from which the system gives ports to outgoing connections: such a
connection could take a port before the test listens on it.
"""

import random
import socket

_PORTS = range(10_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on."""
    (port,) = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on."""
    ports: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if _is_free(port):
            ports.append(port)
        if len(ports) == count:
            return ports
    raise RuntimeError(f"no {count} free ports")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
