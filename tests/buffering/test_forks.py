"""Forks: each process sends its own messages."""

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
