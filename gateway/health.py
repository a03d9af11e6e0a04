"""`python -m gateway.health`: whether this machine's gateway answers, for a container's check."""

import sys
import urllib.error
import urllib.request

from durable_analytics.errors import SettingsError
from gateway.settings import Settings

_TIMEOUT_SECONDS = 4
_ANY = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # not bound here
"""Where to ask what listens on every address."""


def main() -> int:
    """Print what is wrong; returns the exit status."""
    try:
        where = Settings.load().gateway
        url = f"http://{_ANY.get(where.host, where.host)}:{where.port}/health"
        urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS).close()
    except (SettingsError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201  # the engine keeps it with the health status
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
