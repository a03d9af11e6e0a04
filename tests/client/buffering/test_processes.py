"""The end of the interpreter, and forks: what is in the buffer is sent, or told."""

import signal
import socket
from uuid import UUID

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.client.buffering.delivered import wait_for_messages
from tests.worker.processes import clean_environment, running

pytestmark = pytest.mark.usefixtures("running_worker")

ENDS_BY_ITSELF = {0, -signal.SIGABRT, -signal.SIGSEGV}
"""With a connection that is the program's own, the SDK may crash Python's end (its issue 300)."""


async def run(program: str, temporal: Client | None = None) -> tuple[int, list[str]]:
    """Run one of the programs to its end; returns its status and what it wrote."""
    if temporal is None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{nobody.getsockname()[1]}"
    else:
        address = temporal.service_client.config.target_host
    environment = clean_environment(TEMPORAL_ADDRESS=address)
    # Newer Pythons warn of any fork beside threads.
    command = ("-W", "ignore::DeprecationWarning", "-m", "tests.client.buffering.programs", program)
    async with running(*command, environment=environment) as process:
        status = await process.ended()
    return status, process.lines


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("ends", 0),
        ("raises", 1),
        ("exits", 3),
        ("tracks_at_exit", 0),
        ("is_terminated", 0),
        ("in_asyncio", 0),
        ("in_a_pool", 0),
    ],
)
async def test_the_end_flushes(
    temporal: Client, standin: StandIn, program: str, expected: int
) -> None:
    """However the program ends, as long as it is Python's own end, or `multiprocessing`'s."""
    status, lines = await run(program, temporal)

    assert status == expected, lines
    assert not any("lost" in line for line in lines)
    arrived = await wait_for_messages(standin, 2)
    assert sorted(message["messageId"] for message in arrived) == ["one", "two"]


async def test_the_end_reports_what_it_cannot_send() -> None:
    """In the log and to `on_error`, within the `exit_timeout` and what reporting takes."""
    status, lines = await run("ends_in_vain")

    assert status == 0
    assert lines[0] == "lost 2 NotAccepted" or lines[1] == "lost 2 NotAccepted"
    assert (
        "ERROR durable_analytics.buffering not kept by Temporal: 2 messages (the client was "
        "closed before Temporal had 2 messages: they are not known to be kept)"
    ) in lines
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("program", "ids"),
    [
        ("forks_fresh", ["child", "parent"]),
        ("forks_with_messages", ["before", "child", "parent"]),
        ("forks_used", ["before", "child", "parent"]),
        ("forks_given", ["before", "child", "parent"]),
    ],
)
async def test_a_fork(
    temporal: Client,
    standin: StandIn,
    program: str,
    ids: list[str],
) -> None:
    """Each process sends its own, once, by a connection of its own."""
    status, lines = await run(program, temporal)

    assert status in ENDS_BY_ITSELF, lines
    (child,) = (line for line in lines if line.startswith("child"))
    assert int(child.split()[1]) in ENDS_BY_ITSELF, lines
    arrived = await wait_for_messages(standin, len(ids))
    assert sorted(message["messageId"] for message in arrived) == ids


async def test_a_fork_of_a_closed_client(temporal: Client, standin: StandIn) -> None:
    """Stays closed."""
    status, lines = await run("forks_closed", temporal)

    assert status in ENDS_BY_ITSELF, lines
    assert lines == ["child ClientClosed"]
    assert len(await wait_for_messages(standin, 1)) == 1


async def test_ids_after_a_fork() -> None:
    """The child does not go on counting where the parent does."""
    status, lines = await run("counts_up")

    assert status == 0
    assert len(lines) == 2
    (child,) = (line.split()[1] for line in lines if line.startswith("child"))
    (parents,) = (line.split() for line in lines if not line.startswith("child"))
    assert {UUID(id_).node for id_ in parents} == {0, 1}
    assert UUID(child).node == 0
    assert child != parents[0]
