"""The connection to Temporal, from the environment or a profile, as Temporal's tools read them."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

from temporalio.client import Client

from durable_analytics.errors import NotAccepted, SettingsError
from durable_analytics.temporal import connection_settings
from durable_analytics.temporal._connection_failures import describe_failure, setting_at_fault
from durable_analytics.temporal.interpreter_end import release_connections_at_exit

log = logging.getLogger("durable_analytics.connection")

_PAUSE_SECONDS = 0.2
_FIRST_TRY_SECONDS = 1.0
"""The timeout of the first attempt of a lazy connection, which only tests its settings."""


async def connect(
    patience: timedelta = timedelta(seconds=5), *, lazy: bool = False, **options: Any
) -> Client:
    """Connect to the server that `TEMPORAL_ADDRESS` or a profile names, or to localhost:7233.

    Args:
        patience: How long to wait for a server that cannot be reached or is starting.
        lazy: Whether to return a client even if no server can be reached; the client then connects
            with its first call.
        options: More arguments of `temporalio.client.Client.connect`; they override the environment
            and the profile.

    Raises:
        SettingsError: A setting of the connection is wrong, or the server refuses it. One line per
            problem: the setting, what is wrong, what to set.
        NotAccepted: No server responded in time; the message names the address.
    """
    config = connection_settings.load(options)
    release_connections_at_exit()
    log.info("connecting to Temporal", extra={"address": config["target_host"]})
    reason: Exception | None = None
    seconds = _FIRST_TRY_SECONDS if lazy else patience.total_seconds()
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return await Client.connect(**config)
                except (RuntimeError, ValueError) as error:
                    reason = error
                    if problem := setting_at_fault(error, config):
                        raise SettingsError([problem]) from None
                    if lazy:
                        break
                await asyncio.sleep(_PAUSE_SECONDS)
    except TimeoutError as error:
        reason = reason or error
    if lazy:
        return await Client.connect(**config, lazy=True)
    raise NotAccepted(
        f"no Temporal server responds at {config['target_host']} ({describe_failure(reason)}): "
        "start one, or set TEMPORAL_ADDRESS"
    ) from reason


def wrong_setting(error: Exception) -> str | None:
    """Return which setting of the connection made the SDK fail later; None if no setting did."""
    return setting_at_fault(error, connection_settings.load({}))
