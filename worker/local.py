"""`make run`: the embedded Temporal server, the provider stand-in, the worker and the gateway.

The environment is read here, beside the settings: it is handed on to the children.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from durable_analytics.connection import connect
from durable_analytics.contract import TASK_QUEUE
from durable_analytics.errors import NotAccepted, SettingsError
from durable_analytics.testing import VENDORS
from process.settings import named, said
from worker.children import Child, hold
from worker.health import last_poll
from worker.process import PATIENCE

_HOST = "127.0.0.1"
_FOLDER = Path(".temporal")
_RETENTION = "720h"
_SERVER_WAIT_SECONDS = 60
_PAUSE_SECONDS = 0.1


class Ports(BaseSettings):
    """Where `make run` listens, on loopback; each moves by its environment variable."""

    model_config = SettingsConfigDict(env_prefix="LOCAL_")

    temporal_port: int = Field(default=7233, ge=1, le=65535)
    ui_port: int = Field(default=8233, ge=1, le=65535)
    standin_port: int = Field(default=8090, ge=1, le=65535)
    gateway_port: int = Field(default=8088, ge=1, le=65535)


async def main() -> int:
    """Run everything until a signal or the end of a part; returns the exit status."""
    ports = _ports()
    lock = hold(_FOLDER / "run.lock")
    if lock is None:
        raise SettingsError(["`make run` is running in this folder already"])
    own_server = not os.environ.get("TEMPORAL_ADDRESS")
    names = ["temporal"] * own_server + ["standin", "worker", "gateway"]
    children = {name: Child(name, _FOLDER) for name in names}
    # The gateway first, then the worker, while Temporal still takes its last results.
    for child in reversed(children.values()):
        await child.end_left_over()
    _check_ports(ports, own_server=own_server)
    stop = asyncio.Event()
    # SIGHUP: its terminal was closed.
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    try:
        await _start(children, ports)
        if await _is_up(children, ports, stop):
            _say(_welcome(ports, own_server=own_server))
        return await _wait(children, stop)
    finally:
        for child in reversed(children.values()):
            await child.stop()


async def _start(children: Mapping[str, Child], ports: Ports) -> None:
    environment, integrations = dict(os.environ), dict(_integrations(ports))
    if "temporal" in children:
        address = f"{_HOST}:{ports.temporal_port}"
        environment["TEMPORAL_ADDRESS"] = os.environ["TEMPORAL_ADDRESS"] = address
        await children["temporal"].start(_server(ports), environment, _FOLDER / "temporal.log")
        await _server_is_up(children["temporal"])
        await _keep_closed_executions()
    standin = [sys.executable, "-m", "durable_analytics.testing", "--port", str(ports.standin_port)]
    await children["standin"].start(standin, environment, _FOLDER / "standin.log")
    environment |= integrations
    await children["worker"].start([sys.executable, "-m", "worker"], environment)
    environment |= dict(_sources(ports))
    await children["gateway"].start([sys.executable, "-m", "gateway"], environment)


def _server(ports: Ports) -> list[str]:
    return [
        _temporal(),
        *("server", "start-dev", "--ip", _HOST, "--ui-ip", _HOST, "--log-level", "error"),
        *("--port", str(ports.temporal_port), "--ui-port", str(ports.ui_port)),
        *("--db-filename", str(_FOLDER / "temporal.db")),
    ]


def _temporal() -> str:
    return str(Path(sys.executable).with_name("temporal"))


async def _server_is_up(server: Child) -> None:
    ended = asyncio.create_task(server.ended())
    up = asyncio.create_task(asyncio.wait_for(_connected(), _SERVER_WAIT_SECONDS))
    await asyncio.wait([ended, up], return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        up.cancel()
        raise SettingsError([f"the Temporal server ended; see {_FOLDER / 'temporal.log'}"])
    ended.cancel()
    await up


async def _is_up(children: Mapping[str, Child], ports: Ports, stop: asyncio.Event) -> bool:
    """Whether all of it works; false where a part has ended, or is to end, instead."""
    up = asyncio.create_task(_answers(ports))
    ends = [asyncio.create_task(child.ended()) for child in children.values()]
    ways: list[asyncio.Task[Any]] = [up, *ends, asyncio.create_task(stop.wait())]
    done, others = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    return up in done


async def _answers(ports: Ports) -> None:
    """Wait until the worker polls, and the gateway listens."""
    await _polled()
    await _listens(ports.gateway_port)


async def _polled() -> None:
    """Wait until the worker polls, as the server sees it."""
    client = await connect(PATIENCE)
    queue = said("task_queue") or TASK_QUEUE
    while not await last_poll(client, queue, socket.gethostname()):  # noqa: ASYNC110  # no event
        await asyncio.sleep(_PAUSE_SECONDS)


async def _listens(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(_HOST, port)
        except OSError:
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        writer.close()
        return


async def _connected() -> None:
    while True:
        try:
            await connect()
        except NotAccepted:
            continue
        return


async def _keep_closed_executions() -> None:
    """The embedded server would forget them after a day."""
    update = ["operator", "namespace", "update", "--namespace", "default"]
    process = await asyncio.create_subprocess_exec(
        *(_temporal(), *update, "--retention", _RETENTION),
        stdout=asyncio.subprocess.DEVNULL,
    )
    await process.wait()


def _integrations(ports: Ports) -> Iterator[tuple[str, str]]:
    """An integration a provider at the stand-in, except where there are real credentials."""
    for name, vendor in VENDORS.items():
        prefix = f"ANALYTICS_INTEGRATIONS__{name.upper()}__"
        if said("integrations", name) is None:
            base_url = f"http://{_HOST}:{ports.standin_port}/{name}"
            yield f"{prefix}BASE_URL", base_url
            if name == "segment":
                yield f"{prefix}PUBLIC_API_URL", base_url
            for setting, value in vendor.credentials.items():
                yield prefix + setting.upper(), value
        if said("integrations", name, "allow_policies_override") is None:
            yield f"{prefix}ALLOW_POLICIES_OVERRIDE", "true"
    if said("default_integration") is None:
        yield "ANALYTICS_DEFAULT_INTEGRATION", "segment"


def _names() -> list[str]:
    """The integrations, at the stand-in and by settings."""
    return sorted({*VENDORS, *named("integrations")})


def _sources(ports: Ports) -> Iterator[tuple[str, str]]:
    """A write key an integration, by its name; and those of the settings."""
    yield "ANALYTICS_GATEWAY__HOST", _HOST
    yield "ANALYTICS_GATEWAY__PORT", str(ports.gateway_port)
    for name in _names():
        if said("sources", name) is None:
            yield f"ANALYTICS_SOURCES__{name.upper()}__WRITE_KEY", name
            yield f"ANALYTICS_SOURCES__{name.upper()}__ALLOW_DELETE", "true"


def _ports() -> Ports:
    try:
        return Ports()
    except ValidationError as error:
        names = [str(problem["loc"][0]).upper() for problem in error.errors()]
        told = "must be a port number, 1 to 65535; set it in the environment"
        raise SettingsError(f"LOCAL_{name}: {told}" for name in names) from None


def _check_ports(ports: Ports, *, own_server: bool) -> None:
    wanted = {
        "LOCAL_STANDIN_PORT": ports.standin_port,
        "LOCAL_GATEWAY_PORT": ports.gateway_port,
    }
    if own_server:
        wanted |= {"LOCAL_TEMPORAL_PORT": ports.temporal_port, "LOCAL_UI_PORT": ports.ui_port}
    problems = [
        f"port {port} is taken: end what listens there, or move ours with {variable}=…"
        for variable, port in wanted.items()
        if not _is_free(port)
    ]
    if problems:
        raise SettingsError(problems)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


async def _wait(children: Mapping[str, Child], stop: asyncio.Event) -> int:
    """Until a signal; or until a part ends by itself, which ends everything."""
    ends = {name: asyncio.create_task(child.ended()) for name, child in children.items()}
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*ends.values(), stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    gone = {name: task.result() for name, task in ends.items() if task.done()}
    for name, status in gone.items():
        _say(f"{name} ended with status {status}: all is stopped, nothing lost; run it again")
    for task in ends.values():
        task.cancel()
    if stop.is_set():
        _say("stopping; what is in flight may finish first")
    return 1 if gone else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # for a person


def _welcome(ports: Ports, *, own_server: bool) -> str:
    queue = said("task_queue") or TASK_QUEUE
    address = os.environ["TEMPORAL_ADDRESS"]
    moved = address not in ("127.0.0.1:7233", "localhost:7233")
    option = f" --address {address}" if moved else ""
    message = '{"integration":"segment","track":{"user_id":"u-1","event":"Signed Up"}}'
    elsewhere = ", ".join(named("integrations"))
    real = f"\nBy settings    {elsewhere}: not at the stand-in" if elsewhere else ""
    standin = f"http://localhost:{ports.standin_port}"
    gateway = f"http://localhost:{ports.gateway_port}"
    keys = ", ".join(_names())
    ui = f"http://localhost:{ports.ui_port}" if own_server else "your server's"
    return f"""
Temporal UI    {ui}
Temporal       {address}, task queue {queue}
Gateway        {gateway}, for any Segment SDK; its write keys: {keys}
Stand-in       {standin}/requests shows what the providers received{real}

Try:
  curl -u segment: -d '{{"userId":"u-1","event":"Hi"}}' {gateway}/v1/track
  .venv/bin/temporal workflow execute{option} --type Track --task-queue {queue} \\
    --input '{message}'

Ctrl-C stops it all and loses nothing.
"""


if __name__ == "__main__":
    try:
        _FOLDER.mkdir(exist_ok=True)
        sys.exit(asyncio.run(main()))
    except (SettingsError, NotAccepted) as error:
        print(error, file=sys.stderr)  # noqa: T201  # for a person
        sys.exit(2)
