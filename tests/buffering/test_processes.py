"""The end of the interpreter, and forks: what is in the buffer is sent, or told."""

from uuid import UUID

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.client_programs import CLEAN_EXITS, run_client_program
from tests.support.delivered import wait_for_messages

pytestmark = pytest.mark.usefixtures("running_worker")


async def run(program: str, temporal: Client | None = None) -> tuple[int, list[str]]:
    """Run one of `tests.buffering.programs`; returns its status and the lines that it wrote."""
    return await run_client_program("tests.buffering.programs", program, temporal)


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
async def test_the_exit_of_the_interpreter_flushes(
    temporal: Client, standin: StandIn, program: str, expected: int
) -> None:
    """However the program ends, as long as it is Python's own end, or `multiprocessing`'s."""
    status, lines = await run(program, temporal)

    assert status == expected, lines
    assert not any("lost" in line for line in lines)
    arrived = await wait_for_messages(standin, 2)
    assert sorted(message["messageId"] for message in arrived) == ["one", "two"]


async def test_the_exit_reports_messages_that_it_cannot_send() -> None:
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
async def test_parent_and_child_of_a_fork_send_their_own_messages(
    temporal: Client,
    standin: StandIn,
    program: str,
    ids: list[str],
) -> None:
    """Each process sends its own, once, by a connection of its own."""
    status, lines = await run(program, temporal)

    assert status in CLEAN_EXITS, lines
    (child,) = (line for line in lines if line.startswith("child"))
    assert int(child.split()[1]) in CLEAN_EXITS, lines
    arrived = await wait_for_messages(standin, len(ids))
    assert sorted(message["messageId"] for message in arrived) == ids


async def test_a_client_closed_before_a_fork_stays_closed(
    temporal: Client, standin: StandIn
) -> None:
    """Stays closed."""
    status, lines = await run("forks_closed", temporal)

    assert status in CLEAN_EXITS, lines
    assert lines == ["child ClientClosed"]
    assert len(await wait_for_messages(standin, 1)) == 1


async def test_a_forked_child_has_message_ids_of_its_own() -> None:
    """The child does not go on counting where the parent does."""
    status, lines = await run("counts_up")

    assert status == 0
    assert len(lines) == 2
    (child,) = (line.split()[1] for line in lines if line.startswith("child"))
    (parents,) = (line.split() for line in lines if not line.startswith("child"))
    assert {UUID(id_).node for id_ in parents} == {0, 1}
    assert UUID(child).node == 0
    assert child != parents[0]
