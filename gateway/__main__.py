"""`python -m gateway`: the gateway alone, as in the container."""

import asyncio
import logging
import os
import sys

from durable_analytics.errors import SettingsError
from gateway.server import run
from gateway.settings import Settings
from process import logs


def main() -> int:
    """Run the gateway; returns the exit status."""
    try:
        settings = Settings.load()
        logs.configure(settings.log_format, settings.log_level)
        asyncio.run(run(settings))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  # one line a problem, for a person
        return 2
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # Without Python's own end, where the SDK's threads sometimes crash a process.
    os._exit(status)
