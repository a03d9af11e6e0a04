"""`python -m codec_server.health`: the health check of a container, which requests `/health`."""

import sys

from codec_server.settings import Settings
from durable_analytics.errors import SettingsError
from runtime.http_server import request_health


def main() -> int:
    """Print the problem, if any, and return the exit status."""
    try:
        own = Settings.load().codec_server
        request_health(own.host, own.port)
    except (SettingsError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201  # Docker keeps it with the health status
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
