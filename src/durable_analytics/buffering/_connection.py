"""The client's connection to Temporal, and the log of the times when Temporal is out of reach."""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable
from datetime import timedelta

from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import ServiceClient

from durable_analytics.buffering._callbacks import write_log
from durable_analytics.temporal.connection import connect

_CONNECT_TIMEOUT = timedelta(seconds=5)
"""The same as in `connect`."""

_REPEAT_SECONDS = 60.0
"""Between two log lines of one outage."""


class Connection:
    """Connects once, and again in a forked process.

    Args:
        client: The caller's connected client; None to connect by the environment.
        data_converter: How inputs are stored by a client that connects by the environment.
        forked: Whether this process was forked from one that may have used Temporal: the threads
            of its runtime do not exist here, so a new runtime is needed.
    """

    def __init__(
        self, client: Client | None, *, data_converter: DataConverter, forked: bool
    ) -> None:
        self._callers_client = client
        self._data_converter = data_converter
        self._runtime = Runtime(telemetry=TelemetryConfig()) if forked else None
        self._client: Client | None = None if forked else client
        self._lock = asyncio.Lock()

    async def client(self) -> Client:
        """The connected client.

        Raises:
            AnalyticsError: No server answered, or the settings of the connection are wrong.
            RuntimeError, TimeoutError: In a forked process, no server answered the reconnection.
        """
        async with self._lock:
            if self._client is None:
                self._client = await (
                    self._reconnect(self._callers_client)
                    if self._callers_client
                    else self._connect_from_environment()
                )
            return self._client

    async def _connect_from_environment(self) -> Client:
        return await connect(data_converter=self._data_converter, runtime=self._runtime)

    async def _reconnect(self, client: Client) -> Client:
        config = client.config()
        service_config = dataclasses.replace(
            config["service_client"].config, runtime=self._runtime, lazy=False
        )
        async with asyncio.timeout(_CONNECT_TIMEOUT.total_seconds()):
            config["service_client"] = await ServiceClient.connect(service_config)
        return Client(**config)


class Outage:
    """Logs an outage of Temporal: when it begins, once a minute, and when it ends.

    Args:
        unsettled: Returns how many messages wait for Temporal.
        clock: Returns seconds since any fixed moment.
    """

    def __init__(
        self, unsettled: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._unsettled = unsettled
        self._clock = clock
        self._failing: set[str] = set()
        self._began_at: float | None = None
        self._logged_at = 0.0

    def failed(self, workflow_id: str, reason: str) -> None:
        """An attempt to start this execution failed."""
        now = self._clock()
        self._failing.add(workflow_id)
        if self._began_at is None:
            self._began_at = self._logged_at = now
            write_log(
                logging.WARNING,
                "Temporal does not take messages (%s): %d are kept and tried again",
                reason,
                self._unsettled(),
            )
        elif now - self._logged_at >= _REPEAT_SECONDS:
            self._logged_at = now
            write_log(
                logging.WARNING,
                "Temporal has not taken messages for %.0f s (%s): %d are kept",
                now - self._began_at,
                reason,
                self._unsettled(),
            )

    def recovered(self, workflow_id: str) -> None:
        """This execution needs no more attempts; the outage ends with the last one that failed."""
        self._failing.discard(workflow_id)
        if self._began_at is not None and not self._failing:
            seconds = self._clock() - self._began_at
            write_log(logging.WARNING, "Temporal takes messages again, after %.0f s", seconds)
            self._began_at = None
