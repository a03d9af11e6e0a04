"""The Temporal server of `make run`, independent of settings for other servers."""

import asyncio
import os
import sys
from pathlib import Path

from temporalio.envconfig import ClientConfig

from durable_analytics.errors import NotAccepted, SettingsError
from durable_analytics.temporal.connection import connect
from durable_analytics.temporal.search_attributes import register
from runtime.child_process import environment_without_settings
from runtime.embedded_server import server_options
from worker.local_children import Child
from worker.local_variables import HOST, LocalVariables

WITHOUT_CONFIGURATION = "--disable-config-env --disable-config-file"
"""Options of the `temporal` command line that read neither the environment nor a profile."""

_KEPT = frozenset({"TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"})
"""Variables of a worker, not of its connection."""

_PROFILE_VARIABLES = ("TEMPORAL_CONFIG_FILE", "TEMPORAL_PROFILE")

_PROGRAM = str(Path(sys.executable).with_name("temporal"))
_RETENTION = "720h"
_START_SECONDS = 60


def leave_other_servers() -> list[str]:
    """Remove the settings of another server from the environment of this process.

    Returns:
        The names of the unused variables, and the profile if there is one.
    """
    unused = sorted(
        name
        for name, value in os.environ.items()
        if value and name.startswith("TEMPORAL_") and name not in _KEPT
    )
    if _has_profile():
        unused.append("the profile of temporal.toml")
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        if name not in _KEPT:
            del os.environ[name]
    # An empty file replaces the file that is read by default.
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull
    return unused


async def start_server(server: Child, local: LocalVariables, folder: Path) -> None:
    """Start the server, and wait until it responds.

    It keeps closed executions for 30 days, and has the search attributes of deliveries.

    This process uses the server's address as its `TEMPORAL_ADDRESS`.

    Args:
        server: The child process that runs the server.
        local: The variables with its ports and its durability.
        folder: The folder for its database and its log.

    Raises:
        SettingsError: The server ended, or does not respond.
    """
    os.environ["TEMPORAL_ADDRESS"] = f"{HOST}:{local.temporal_port}"
    log = folder / "temporal.log"
    command = [
        *(_PROGRAM, "server", "start-dev", "--ip", HOST, "--ui-ip", HOST, "--log-level", "error"),
        *("--port", str(local.temporal_port), "--ui-port", str(local.ui_port)),
        *("--db-filename", str(folder / "temporal.db")),
        *server_options(local.durability),
    ]
    environment = environment_without_settings(TEMPORAL_CONFIG_FILE=os.devnull)
    # The server has traces of its own, and does not start with each exporter of ours.
    environment = {k: v for k, v in environment.items() if not k.startswith("OTEL_")}
    await server.start(command, environment, log)
    await _wait_until_responding(server, log)
    # By default, the embedded server deletes closed executions after a day.
    update = await asyncio.create_subprocess_exec(
        *(_PROGRAM, "operator", "namespace", "update", "--namespace", "default"),
        *("--retention", _RETENTION),
        stdout=asyncio.subprocess.DEVNULL,
    )
    await update.wait()
    await register(await connect())


async def _wait_until_responding(server: Child, log: Path) -> None:
    ended = asyncio.create_task(server.ended())
    connected = asyncio.create_task(asyncio.wait_for(_connect(), _START_SECONDS))
    await asyncio.wait([ended, connected], return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        connected.cancel()
        raise SettingsError([f"the Temporal server ended; see {log}"])
    ended.cancel()
    try:
        await connected
    except TimeoutError:
        reason = f"the Temporal server does not respond after {_START_SECONDS} s; see {log}"
        raise SettingsError([reason]) from None


async def _connect() -> None:
    while True:
        try:
            await connect()
        except NotAccepted:
            continue
        return


def _has_profile() -> bool:
    variables = {name: value for name in _PROFILE_VARIABLES if (value := os.environ.get(name))}
    try:
        return bool(ClientConfig.load_client_connect_config(override_env_vars=variables))
    except (RuntimeError, OSError):  # an unreadable profile is also a profile
        return True
