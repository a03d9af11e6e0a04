"""How each system is started: its server, its worker, and the variables of its program."""

import asyncio
import os
import pwd
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.environments import CACHE, CURRENT, run_to_end
from benchmarks.processes import BenchmarkError
from benchmarks.side import HOST, Side, free_port
from benchmarks.testbed import WRITE_KEY, Testbed

_PEERS = CACHE / "peers"
"""Where `install.sh` installs packages of PyPI and npm."""

_PROGRAMS = "benchmarks.peers.programs"
_CONCURRENCY = 20
"""Messages, or batches, that a worker sends at once."""


_POLL_SECONDS = 0.1


async def _nothing_more() -> None:
    pass


@dataclass(frozen=True, slots=True)
class System:
    """A system whose server runs."""

    side: Side
    worker: Sequence[str]
    """The command of its worker."""

    variables: Mapping[str, str]
    """Environment variables of the worker and of the program that enqueues."""

    python: str = field(default_factory=lambda: str(_PEERS / "bin" / "python"))
    """The Python of the program that enqueues."""

    connect: Callable[[], Awaitable[None]] = _nothing_more
    """Called once, when the worker was started."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A system to compare."""

    name: str
    program: str
    """A module of `benchmarks.peers.programs`."""

    start: Callable[[Path, AsyncExitStack], Awaitable[System]]
    needs: Callable[[], Mapping[str, bool]] = dict
    """What must be installed, and whether it is."""

    def check_installed(self) -> None:
        """Raise an error if something is missing."""
        if missing := [name for name, is_installed in self.needs().items() if not is_installed]:
            names = ", ".join(missing)
            raise BenchmarkError(f"not installed: {names} (make bench-peers installs it)")

    @property
    def program_file(self) -> Path:
        """The file of its program."""
        return Path(__file__).parent / "programs" / f"{self.program}.py"


async def _start_ours(folder: Path, stack: AsyncExitStack) -> System:
    testbed = await Testbed(folder, stack, CURRENT).start()
    variables = {
        "TEMPORAL_ADDRESS": testbed.address,
        "ANALYTICS_INTEGRATIONS__SEGMENT__BASE_URL": testbed.provider,
        "ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY": WRITE_KEY,
    }
    return System(testbed, [sys.executable, "-m", "worker"], variables, sys.executable)


async def _start_celery(folder: Path, stack: AsyncExitStack) -> System:
    side = await Side(folder, stack).start()
    port = free_port()
    options = [
        *("--bind", HOST, "--port", str(port), "--dir", str(folder), "--save", ""),
        *("--appendonly", "yes", "--appendfsync", "always"),
    ]
    server = side.run("redis", *options, role="server", program=_find("redis-server"))
    await stack.enter_async_context(server)
    await side.wait_until_it_listens(port)
    worker = [
        *(str(_PEERS / "bin" / "celery"), "-A", f"{_PROGRAMS}.celery_tasks", "worker"),
        *("--pool", "threads", "--concurrency", str(_CONCURRENCY), "--loglevel", "ERROR"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]
    variables = {"PROVIDER": side.provider, "BROKER": f"redis://{HOST}:{port}/0"}
    return System(side, worker, variables)


async def _start_dbos(folder: Path, stack: AsyncExitStack) -> System:
    side = await Side(folder, stack).start()
    port = free_port()
    data = folder / "postgres"
    data.mkdir()  # nothing else runs
    as_owner = _as_postgres(folder, data)
    initdb = [_find("initdb"), "--auth", "trust", "--username", "postgres", "--pgdata", str(data)]
    await run_to_end(*as_owner, *initdb, folder=folder)
    postgres = [
        *as_owner,
        *(_find("postgres"), "-D", str(data), "-h", HOST, "-p", str(port), "-k", str(data)),
    ]
    server = side.run("postgres", *postgres[1:], role="server", program=postgres[0])
    await stack.enter_async_context(server)
    await side.wait_until_it_listens(port)
    url = f"postgresql://postgres@{HOST}:{port}/postgres"
    worker = [str(_PEERS / "bin" / "python"), "-m", f"{_PROGRAMS}.dbos_workflows"]

    async def wait_until_started() -> None:
        while "started" not in (folder / "worker.log").read_text():  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)

    variables = {"PROVIDER": side.provider, "DATABASE": url}
    return System(side, worker, variables, connect=lambda: side.wait_for(wait_until_started()))


async def _start_restate(folder: Path, stack: AsyncExitStack) -> System:
    side = await Side(folder, stack).start()
    ingress, admin, node, service = (free_port() for _ in range(4))
    variables = {
        "RESTATE_BASE_DIR": str(folder / "restate"),
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_BIND_ADDRESS": f"{HOST}:{node}",
        "RESTATE_ADVERTISED_ADDRESS": f"http://{HOST}:{node}",
        "RESTATE_INGRESS__BIND_ADDRESS": f"{HOST}:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"{HOST}:{admin}",
        "RESTATE_DISABLE_TELEMETRY": "true",
    }
    server = side.run(
        "restate", role="server", program=_find("restate-server"), variables=variables
    )
    await stack.enter_async_context(server)
    await side.wait_until_it_listens(admin)
    await side.wait_until_it_listens(ingress)

    async def register() -> None:
        await side.wait_until_it_listens(service)
        async with httpx.AsyncClient(timeout=30) as client:
            deployment = {"uri": f"http://{HOST}:{service}"}
            url = f"http://{HOST}:{admin}/deployments"
            (await client.post(url, json=deployment)).raise_for_status()

    worker = [
        *(str(_PEERS / "bin" / "python"), "-m", "hypercorn", "--bind", f"{HOST}:{service}"),
        f"{_PROGRAMS}.restate_service:app",
    ]
    program = {"PROVIDER": side.provider, "INGRESS": f"http://{HOST}:{ingress}"}
    return System(side, worker, program, connect=register)


def _as_postgres(folder: Path, data: Path) -> list[str]:
    """The command that runs PostgreSQL as another user, which root must do."""
    if os.getuid():
        return []
    user = pwd.getpwnam("postgres")
    folder.chmod(0o711)
    os.chown(data, user.pw_uid, user.pw_gid)
    ids = ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
    return ["/usr/bin/setpriv", *ids]


def _find(program: str) -> str:
    """The path of a program that was installed; empty if it is missing."""
    places = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
        *_PEERS.glob("node_modules/@restatedev/restate-server-*/bin"),
    ]
    path = os.pathsep.join([*map(str, places), os.environ["PATH"]])
    return shutil.which(program, path=path) or ""


def _has_package(name: str) -> bool:
    return any(_PEERS.glob(f"lib/python*/site-packages/{name}"))


PEERS = [
    Peer("durable_analytics", "durable_analytics_client", _start_ours),
    Peer(
        "celery_redis",
        "celery_tasks",
        _start_celery,
        lambda: {"redis-server": bool(_find("redis-server")), "celery": _has_package("celery")},
    ),
    Peer(
        "dbos_postgresql",
        "dbos_workflows",
        _start_dbos,
        lambda: {"postgresql": bool(_find("initdb")), "dbos": _has_package("dbos")},
    ),
    Peer(
        "restate",
        "restate_service",
        _start_restate,
        lambda: {
            "restate-server": bool(_find("restate-server")),
            "restate-sdk": _has_package("restate"),
            "hypercorn": _has_package("hypercorn"),
        },
    ),
]
