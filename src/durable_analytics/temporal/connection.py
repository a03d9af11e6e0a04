"""The connection to Temporal: from the environment or a profile, and again after a fork."""

import asyncio
import dataclasses
import logging
from datetime import timedelta
from typing import Any
from weakref import WeakSet

from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import ServiceClient

from durable_analytics.errors import NotAccepted, SettingsError
from durable_analytics.temporal import connection_settings, tracing
from durable_analytics.temporal._connection_failures import describe_failure, setting_at_fault
from durable_analytics.temporal.interpreter_end import release_connections_at_exit

log = logging.getLogger("durable_analytics.connection")

_PATIENCE = timedelta(seconds=5)
_PAUSE_SECONDS = 0.2
_FIRST_TRY_SECONDS = 1.0
"""The timeout of the first attempt of a lazy connection, which only tests its settings."""


async def connect(patience: timedelta = _PATIENCE, *, lazy: bool = False, **options: Any) -> Client:
    """Connect to the server that `TEMPORAL_ADDRESS` or a profile names, or to localhost:7233.

    Args:
        patience: How long to wait for a server that cannot be reached or is starting.
        lazy: Whether to return a client even if no server can be reached; the client then connects
            with its first call.
        options: More arguments of `temporalio.client.Client.connect`; they override the environment
            and the profile. gRPC's compression is off by default.

    Raises:
        SettingsError: A setting of the connection is wrong, or the server refuses it. One line per
            problem: the setting, what is wrong, what to set.
        NotAccepted: No server responded in time; the message names the address.
    """
    config = connection_settings.load(options)
    config["interceptors"] = [*config.get("interceptors", ()), *tracing.interceptors()]
    release_connections_at_exit()
    log.info("connecting to Temporal", extra={"address": config["target_host"]})
    reason: Exception | None = None
    seconds = _FIRST_TRY_SECONDS if lazy else patience.total_seconds()
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return await Client.connect(**config)
                except AssertionError as error:
                    # The SDK's default runtime is that of a process before a fork.
                    if config.get("runtime") or not is_about_fork(error):
                        raise
                    config["runtime"] = _new_runtime()
                    continue
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


def is_about_fork(error: AssertionError) -> bool:
    """Whether the SDK refuses what was connected before a fork, in another process."""
    return "across forks" in str(error)


def wrong_setting(error: Exception) -> str | None:
    """Return which setting of the connection made the SDK fail later; None if no setting did."""
    return setting_at_fault(error, connection_settings.load({}))


class Connection:
    """Connects at the first use, and again in a forked process and after `drop`.

    A connection of its own has a runtime of its own: the SDK's default one belongs to the whole
    process, so it cannot be dropped, and may belong to the process that this one was forked from.

    Args:
        client: The caller's connected client; None to connect by the environment.
        data_converter: How inputs are stored by a client that connects by the environment.
        forked: Whether this process was forked from one that may have used the caller's client.
    """

    def __init__(
        self, client: Client | None, *, data_converter: DataConverter, forked: bool
    ) -> None:
        self._callers_client = client
        self._data_converter = data_converter
        self._client: Client | None = None if forked else client
        self._runtime: Runtime | None = None
        self._is_own = forked or client is None
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

    def drop(self) -> bool:
        """Drop the connection while nobody uses it, unless it is the caller's.

        Returns:
            Whether there was one, or an attempt to connect. Its threads end when it is finalised.
        """
        if not self._is_own or self._runtime is None:
            return False
        self._client = self._runtime = None
        return True

    def _own_runtime(self) -> Runtime:
        """Return the runtime of this connection, the same for all attempts to connect."""
        if self._runtime is None:
            self._runtime = _new_runtime()
        return self._runtime

    async def _connect_from_environment(self) -> Client:
        return await connect(data_converter=self._data_converter, runtime=self._own_runtime())

    async def _reconnect(self, client: Client) -> Client:
        config = client.config()
        service_config = dataclasses.replace(
            config["service_client"].config, runtime=self._own_runtime(), lazy=False
        )
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            config["service_client"] = await ServiceClient.connect(service_config)
        return Client(**config)


RUNTIMES: WeakSet[Runtime] = WeakSet()
"""The runtimes of this library that are not finalised yet. In a forked child, which does not have
their threads, to finalise one would never end."""


def _new_runtime() -> Runtime:
    runtime = Runtime(telemetry=TelemetryConfig())
    RUNTIMES.add(runtime)
    return runtime
