"""`python -m codec_server.health`: the health check of a container, which requests `/health`."""

import sys

from codec_server.settings import Settings
from runtime.http_server import check_health


def main() -> int:
    """Print the problem, if any, and return the exit status."""
    return check_health(_address)


def _address() -> tuple[str, int]:
    own = Settings.load().codec_server
    return own.host, own.port


if __name__ == "__main__":
    sys.exit(main())
