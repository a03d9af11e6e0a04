"""`python -m worker`: the worker alone, as in the container."""

import asyncio
import logging
import os
import sys
from datetime import timedelta

from durable_analytics.errors import NotAccepted, SettingsError
from worker import logs, settings
from worker.process import PATIENCE, run


def main(patience: timedelta = PATIENCE) -> int:
    """Run the worker; returns the exit status.

    Args:
        patience: How long to wait for a Temporal server.
    """
    try:
        loaded = settings.load()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  # one line a problem, for a person
        return 2
    logs.configure(loaded.log_format, loaded.log_level)
    try:
        asyncio.run(run(loaded, patience))
    except (NotAccepted, SettingsError, RuntimeError) as error:  # the last is how the SDK says it
        logging.getLogger("durable_analytics.worker").error("worker failed: %s", error)  # noqa: TRY400
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # Without Python's own end: there the SDK's threads sometimes crash the process that has
    # finished all its work ("PyGILState_Release … finalizing", sdk-python issue 300).
    os._exit(status)
