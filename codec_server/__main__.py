"""`python -m codec_server`: run the codec server."""

import asyncio
import sys

from codec_server.server import run
from codec_server.settings import Settings
from durable_analytics.errors import SettingsError


def main() -> int:
    """Run the codec server, and return the exit status."""
    try:
        settings = Settings.load()
        settings.configure_logs()
        asyncio.run(run(settings))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  # one line for each problem
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
