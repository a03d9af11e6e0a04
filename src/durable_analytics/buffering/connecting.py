"""The connection to Temporal that a client's thread uses: given, or made at the first message."""

import asyncio
import dataclasses
from datetime import timedelta

from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import ServiceClient

from durable_analytics.connection import connect

_PATIENCE = timedelta(seconds=5)
"""As that of `connect`."""


class Connection:
    """Connects once, and again in a forked process.

    Args:
        given: A client that the caller has connected; None to connect by the environment.
        data_converter: How inputs are stored, where it connects by itself.
        forked: Whether this process was forked from one that may have used Temporal: its threads
            are not here, and its runtime is unusable.
    """

    def __init__(
        self, given: Client | None, *, data_converter: DataConverter, forked: bool
    ) -> None:
        self._given = given
        self._data_converter = data_converter
        self._runtime = Runtime(telemetry=TelemetryConfig()) if forked else None
        self._client: Client | None = None if forked else given
        self._lock = asyncio.Lock()

    async def client(self) -> Client:
        """The connected client.

        Raises:
            AnalyticsError: No server answered, or the settings of the connection are wrong.
            RuntimeError, TimeoutError: No server answered a client that was given before the fork.
        """
        async with self._lock:
            if self._client is None:
                self._client = await (self._anew(self._given) if self._given else self._by_itself())
            return self._client

    async def _by_itself(self) -> Client:
        return await connect(data_converter=self._data_converter, runtime=self._runtime)

    async def _anew(self, given: Client) -> Client:
        config = given.config()
        service = dataclasses.replace(
            config["service_client"].config, runtime=self._runtime, lazy=False
        )
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            config["service_client"] = await ServiceClient.connect(service)
        return Client(**config)
