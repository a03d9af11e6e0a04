"""`python -m gateway.health`: the health check of a container, which requests `/health`."""

import sys
import urllib.error
import urllib.request

from durable_analytics.errors import SettingsError
from gateway.settings import Settings

_TIMEOUT_SECONDS = 4
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # not bound here
"""The address for a request to a gateway that listens on every address."""


def main() -> int:
    """Print the problem, if any, and return the exit status."""
    try:
        gateway = Settings.load().gateway
        url = f"http://{_LOOPBACK.get(gateway.host, gateway.host)}:{gateway.port}/health"
        urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS).close()
    except (SettingsError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201  # Docker keeps it with the health status
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
