"""`python -m worker`: only the worker, as in the container."""

import asyncio
import gc
import logging
import sys
from datetime import timedelta

from durable_analytics.errors import NotAccepted, SettingsError
from durable_analytics.temporal.connection import wrong_setting
from durable_analytics.temporal.interpreter_end import exit_process
from runtime.tracing import traces
from worker import settings
from worker.run import PATIENCE, run

log = logging.getLogger("durable_analytics.worker")

_OBJECTS_BEFORE_COLLECTION = (100_000, 20, 50)
"""The thresholds of `gc`. A batch is 100,000 objects without cycles, which Python would look
through for cycles a hundred times while it reads them. What ended executions leave is collected
earlier: see `worker/ended_executions.py`."""

_SWITCH_SECONDS = 0.0001
"""How long the event loop waits while a thread checks a large input. With Python's 5 ms, it would
wait so long for each of the dozen events of a delivery."""


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
    loaded.configure_logs()
    if loaded.worker.processes > 1:
        reason = "it runs one process; run more containers, and remove the setting"
        log.warning("worker.processes has no effect", extra={"reason": reason})
    gc.set_threshold(*_OBJECTS_BEFORE_COLLECTION)
    gc.collect()
    gc.freeze()  # collections skip what is imported
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with traces("durable-analytics-worker"):
            asyncio.run(run(loaded, patience))
    except (NotAccepted, SettingsError) as error:
        log.error("worker failed: %s", error)  # noqa: TRY400  # a line, for a person
        return 2 if isinstance(error, SettingsError) else 1
    except RuntimeError as error:  # of the SDK
        problem = wrong_setting(error)
        log.error("worker failed: %s", problem or error)  # noqa: TRY400  # a line, for a person
        return 2 if problem else 1
    return 0


if __name__ == "__main__":
    exit_process(main())
