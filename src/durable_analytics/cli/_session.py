"""What the commands need of Temporal and of the settings."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.runtime import Runtime

from durable_analytics.cli._settings import CommonSettings
from durable_analytics.settings.sources import configured_value
from durable_analytics.temporal.codecs import data_converter
from durable_analytics.temporal.connection import connect
from durable_analytics.wire.methods import TASK_QUEUE

PATIENCE_SECONDS = 5.0
"""How long a command waits for a Temporal server."""


async def connect_client(runtime: Runtime | None = None) -> Client:
    """Connect as Temporal's tools do; compressed and encrypted payloads are read.

    What it writes is encrypted as the settings say, and not compressed.

    Args:
        runtime: The runtime of the connection; None for that of the process.

    Raises:
        SettingsError: A setting of the connection, or one of every program, is wrong.
        NotAccepted: No server responds.
    """
    patience = timedelta(seconds=PATIENCE_SECONDS)
    keys = CommonSettings.load().payload_keys
    converter = data_converter(compress=False, encryption_keys=keys)
    return await connect(patience, data_converter=converter, runtime=runtime)


def configured_task_queue() -> str:
    """Return the task queue of the settings.

    Raises:
        SettingsError: One of the sources of the settings cannot be read.
    """
    return str(configured_value("task_queue") or TASK_QUEUE)
