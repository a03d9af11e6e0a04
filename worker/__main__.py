"""`python -m worker`: the worker alone, as in the container; in one process or in several."""

import asyncio
import logging
import os
import sys
from datetime import timedelta

from durable_analytics.errors import NotAccepted, SettingsError
from process import logs
from worker import settings
from worker.process import MARGIN, PATIENCE, run
from worker.processes import CHILD, Lifeline, show_process_ids, supervise

_ALLOWANCE = timedelta(seconds=2)
"""For a child to end by itself, when it has to do so unfinished."""


def main(patience: timedelta = PATIENCE, *, child: bool = False) -> int:
    """Run the worker; returns the exit status.

    Args:
        patience: How long to wait for a Temporal server, with one process.
        child: Whether this is one of several processes.
    """
    try:
        loaded = settings.load()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  # one line a problem, for a person
        return 2
    logs.configure(loaded.log_format, loaded.log_level)
    if loaded.worker.processes > 1:
        show_process_ids()
        if not child:
            deadline = loaded.graceful_shutdown_timeout + MARGIN + _ALLOWANCE
            return asyncio.run(supervise(loaded.worker.processes, deadline))
    try:
        asyncio.run(run(loaded, patience, Lifeline() if child else None))
    except (NotAccepted, SettingsError, RuntimeError) as error:  # the last is how the SDK says it
        logging.getLogger("durable_analytics.worker").error("worker failed: %s", error)  # noqa: TRY400
        return 1
    return 0


if __name__ == "__main__":
    status = main(child=CHILD in sys.argv)
    logging.shutdown()
    # Without Python's own end: there the SDK's threads sometimes crash the process that has
    # finished all its work ("PyGILState_Release … finalizing", sdk-python issue 300).
    os._exit(status)
