"""`python -m gateway`: run the gateway."""

import asyncio
import gc
import sys

from durable_analytics.errors import SettingsError
from durable_analytics.temporal.interpreter_end import exit_process
from gateway.server import run
from gateway.settings import Settings
from runtime.tracing import traces

_OBJECTS_BEFORE_COLLECTION = (20_000, 20, 50)
"""The thresholds of `gc`. Hundreds of requests that wait are thousands of objects without cycles,
which Python would look through for cycles every few requests."""


def main() -> int:
    """Run the gateway, and return the exit status."""
    gc.set_threshold(*_OBJECTS_BEFORE_COLLECTION)
    try:
        settings = Settings.load()
        settings.configure_logs()
        with traces("durable-analytics-gateway"):
            asyncio.run(run(settings))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  # one line for each problem
        return 2
    return 0


if __name__ == "__main__":
    exit_process(main())
