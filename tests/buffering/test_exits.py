"""The end of the interpreter: what is in the buffer is sent, or reported."""

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.client_programs import run_client_program
from tests.support.delivered import wait_for_messages

pytestmark = pytest.mark.usefixtures("running_worker")


async def run(program: str, temporal: Client | None = None) -> tuple[int, list[str]]:
    """Run one of `tests.buffering.programs`; returns its status and the lines that it wrote."""
    return await run_client_program("tests.buffering.programs", program, temporal)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("ends", 0),
        ("tracks_at_exit", 0),
        ("is_terminated", 0),
        ("in_a_pool", 0),
        pytest.param("raises", 1, marks=pytest.mark.slow),
        pytest.param("exits", 3, marks=pytest.mark.slow),
        pytest.param("in_asyncio", 0, marks=pytest.mark.slow),
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
