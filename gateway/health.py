"""`python -m gateway.health`: the health check of a container, which requests `/health`."""

import sys

from gateway.settings import Settings
from runtime.http_server import check_health


def main() -> int:
    """Print the problem, if any, and return the exit status."""
    return check_health(_address)


def _address() -> tuple[str, int]:
    own = Settings.load().gateway
    return own.host, own.port


if __name__ == "__main__":
    sys.exit(main())
