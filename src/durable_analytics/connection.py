"""The connection to Temporal: from the environment or a profile, as Temporal's tools read it."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from durable_analytics.errors import NotAccepted, SettingsError

log = logging.getLogger("durable_analytics.connection")

DEFAULT_ADDRESS = "localhost:7233"
_PAUSE_SECONDS = 0.2


async def connect(patience: timedelta = timedelta(seconds=5), **options: Any) -> Client:
    """Connect to the server that `TEMPORAL_ADDRESS` or a profile names, or to localhost:7233.

    Args:
        patience: How long to wait for a server that is only about to start.
        options: More arguments of `temporalio.client.Client.connect`; they win.

    Raises:
        SettingsError: The profile does not exist, or the file cannot be read.
        NotAccepted: No server answered in time; the message names the address.
    """
    try:
        from_environment = ClientConfig.load_client_connect_config()
    except RuntimeError as error:  # a profile that does not exist, a file that does not parse
        raise SettingsError([f"the connection to Temporal: {error}"]) from None
    config: dict[str, Any] = {"target_host": DEFAULT_ADDRESS, **from_environment, **options}
    reason: Exception | None = None
    log.info("connecting to Temporal", extra={"address": config["target_host"]})
    try:
        async with asyncio.timeout(patience.total_seconds()):
            while True:
                try:
                    return await Client.connect(**config)
                except RuntimeError as error:
                    reason = error
                    await asyncio.sleep(_PAUSE_SECONDS)
    except (TimeoutError, ValueError) as error:  # the latter where it is no address
        raise NotAccepted(
            f"no Temporal server answers at {config['target_host']}: "
            "start one, or set TEMPORAL_ADDRESS"
        ) from (reason or error)
