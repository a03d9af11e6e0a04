"""`make run`: the embedded Temporal server, the provider stand-in, the worker and the gateway.

This module also reads the environment, because the child processes inherit it.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from durable_analytics.errors import NotAccepted, SettingsError
from durable_analytics.settings.sources import configured_names, configured_value
from durable_analytics.temporal import connection_settings
from durable_analytics.temporal.connection import connect
from durable_analytics.temporal.interpreter_end import exit_process
from durable_analytics.wire.methods import TASK_QUEUE
from runtime.child_process import environment_without_settings
from worker.health import last_poll
from worker.local_children import Child, hold_lock
from worker.local_settings import (
    GATEWAY,
    WORKER,
    environment_for,
    example_integration,
    gateway_variables,
    integration_names,
    metrics_addresses,
    worker_variables,
)
from worker.local_temporal import WITHOUT_CONFIGURATION, leave_other_servers, start_server
from worker.local_variables import (
    HOST,
    LocalVariables,
    check_ports,
    load_variables,
    with_metrics_ports,
)
from worker.run import PATIENCE

_FOLDER = Path(".temporal")
_POLL_SECONDS = 0.1


async def main() -> int:
    """Run all processes until a signal or the end of a process; return the exit status."""
    local = load_variables()
    lock = hold_lock(_FOLDER / "run.lock")
    if lock is None:
        raise SettingsError(["`make run` is already running in this folder"])
    own_server = not os.environ.get("TEMPORAL_ADDRESS")
    unused = leave_other_servers() if own_server else []
    connection_settings.load({})
    names = ["temporal"] * own_server + ["standin", "worker", "gateway"]
    children = {name: Child(name, _FOLDER) for name in names}
    # The gateway first, then the worker, so that Temporal can still store its last results.
    for child in reversed(children.values()):
        await child.end_leftover()
    check_ports(local, own_server=own_server)
    local = with_metrics_ports(local)
    stop = asyncio.Event()
    # SIGHUP: its terminal was closed.
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    if unused:
        _print(f"Not used: {', '.join(unused)}. Set TEMPORAL_ADDRESS to use another server")
    try:
        await _start(children, local)
        ready = asyncio.create_task(_wait_until_ready(local))
        statuses = await _wait_for_end(children, stop, ready)
        if ready.done():
            ready.result()
            _print(_welcome(local, own_server=own_server, has_other_server=bool(unused)))
            statuses = await _wait_for_end(children, stop)
        ready.cancel()
        for name, status in statuses.items():
            _print(
                f"{name} ended with status {status}: "
                "all processes are stopped, no message is lost; run it again"
            )
        if stop.is_set():
            _print("stopping; running requests may finish first")
        return 1 if statuses else 0
    finally:
        for child in reversed(children.values()):
            await child.stop()


async def _start(children: Mapping[str, Child], local: LocalVariables) -> None:
    for_worker = dict(worker_variables(local))
    if "temporal" in children:
        await start_server(children["temporal"], local, _FOLDER)
    standin = [sys.executable, "-m", "durable_analytics.testing", "--port", str(local.standin_port)]
    log = _FOLDER / "standin.log"
    await children["standin"].start(standin, environment_without_settings(), log)
    # Each process gets only the credentials that it needs.
    environment = environment_for(WORKER) | for_worker
    await children["worker"].start([sys.executable, "-m", "worker"], environment)
    environment = environment_for(GATEWAY) | dict(gateway_variables(local))
    await children["gateway"].start([sys.executable, "-m", "gateway"], environment)


async def _wait_until_ready(local: LocalVariables) -> None:
    """Wait until the worker polls, as the server sees it, and the gateway listens."""
    client = await connect(PATIENCE)
    while not await last_poll(client, _task_queue(), socket.gethostname()):  # noqa: ASYNC110
        await asyncio.sleep(_POLL_SECONDS)  # the server has no event for it
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, local.gateway_port)
        except OSError:
            await asyncio.sleep(_POLL_SECONDS)
            continue
        writer.close()
        return


async def _wait_for_end(
    children: Mapping[str, Child], stop: asyncio.Event, *tasks: asyncio.Task[None]
) -> dict[str, int]:
    """Wait for the end of a child, a signal, or the end of a task.

    Returns:
        The exit status of each child that has ended, by name.
    """
    ends = {name: asyncio.create_task(child.ended()) for name, child in children.items()}
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*ends.values(), stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    statuses = {name: end.result() for name, end in ends.items() if end.done()}
    for task in (*ends.values(), stopping):
        task.cancel()
    return statuses


def _make_private(folder: Path) -> None:
    """Make the folder with the messages readable for this user alone, and all that is made in it.

    What an earlier release has made there becomes so, too.
    """
    os.umask(0o077)
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    for file in folder.iterdir():
        if file.is_file() and not file.is_symlink():
            file.chmod(0o600)


def _task_queue() -> str:
    return configured_value("task_queue") or TASK_QUEUE


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # for a person


def _welcome(local: LocalVariables, *, own_server: bool, has_other_server: bool) -> str:
    address = os.environ["TEMPORAL_ADDRESS"]
    is_default = address in ("127.0.0.1:7233", "localhost:7233")
    options = f" {WITHOUT_CONFIGURATION}" if has_other_server else ""
    options += "" if is_default else f" --address {address}"
    configured = ", ".join(configured_names("integrations"))
    real = (
        f"\nReal providers {configured} (from your settings, not the stand-in)"
        if configured
        else ""
    )
    standin = f"http://localhost:{local.standin_port}"
    gateway = f"http://localhost:{local.gateway_port}"
    keys = ", ".join(integration_names())
    worker, of_gateway = metrics_addresses(local)
    ui = f"http://localhost:{local.ui_port}" if own_server else "your server's"
    return f"""
Temporal UI    {ui}
Temporal       {address}, task queue {_task_queue()}
Gateway        {gateway}, for any Segment SDK; its write keys: {keys}
Stand-in       {standin}/requests shows what the providers received{real}
Metrics        http://{worker}/metrics, and http://{of_gateway}/metrics of the gateway

{_examples(gateway, options)}
Next: docs/getting-started.md shows retries and failures, and how to use a real account.
Ctrl-C stops all processes and loses no message.
"""


def _examples(gateway: str, options: str) -> str:
    """Return commands to try, which deliver to the stand-in and never to a real account."""
    name = example_integration()
    if name is None:
        return "Each integration that an example could use has a real account: try your own.\n"
    message = f'{{"integration":"{name}","track":{{"user_id":"u-1","event":"Signed Up"}}}}'
    return f"""Try:
  curl -u {name}: -d '{{"userId":"u-1","event":"Hi"}}' {gateway}/v1/track
  .venv/bin/temporal workflow execute{options} --type Track --task-queue {_task_queue()} \\
    --input '{message}'
"""


if __name__ == "__main__":
    has_address = bool(os.environ.get("TEMPORAL_ADDRESS"))
    try:
        _make_private(_FOLDER)
        status = asyncio.run(main())
    except (SettingsError, NotAccepted) as error:
        print(error, file=sys.stderr)  # noqa: T201  # for a person
        if has_address and isinstance(error, NotAccepted):
            hint = "without TEMPORAL_ADDRESS, `make run` starts a server of its own"
            print(hint, file=sys.stderr)  # noqa: T201  # for a person
        status = 2
    exit_process(status)
