"""`python -m gateway.health`: the health check of a container, which requests `/health`."""

import sys

from durable_analytics.errors import SettingsError
from gateway.settings import Settings
from runtime.http_server import request_health


def main() -> int:
    """Print the problem, if any, and return the exit status."""
    try:
        gateway = Settings.load().gateway
        request_health(gateway.host, gateway.port)
    except (SettingsError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201  # Docker keeps it with the health status
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
