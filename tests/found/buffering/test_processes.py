"""Forks that run none of Python's hooks, and ends: nothing hangs, and each message has its id."""

import asyncio
import os
import signal
import socket
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.client_programs import CLEAN_EXITS, run_client_program
from tests.support.delivered import wait_for_messages
from tests.worker.processes import clean_environment

pytestmark = pytest.mark.usefixtures("running_worker")

UWSGI = str(Path(sys.executable).with_name("uwsgi"))


async def run(program: str, temporal: Client) -> tuple[int, list[str]]:
    """Run one of `tests.found.buffering.programs`; returns its status and what it wrote."""
    return await run_client_program("tests.found.buffering.programs", program, temporal)


def words_after(first: str, lines: list[str]) -> list[str]:
    """Return the second word of each line that begins so."""
    return [line.split()[1] for line in lines if line.startswith(f"{first} ")]


@pytest.mark.parametrize(
    ("program", "count"),
    [
        ("forks_with_messages", 63),
        pytest.param("forks_fresh", 61, marks=pytest.mark.slow),
        pytest.param("forks_used", 62, marks=pytest.mark.slow),
        pytest.param("forks_while_locks_are_held", 1, marks=pytest.mark.slow),
    ],
)
async def test_processes_forked_in_c_send_their_own_messages(
    temporal: Client, standin: StandIn, program: str, count: int
) -> None:
    """Each process sends its own, with ids of its own, and ends."""
    status, lines = await run(program, temporal)

    assert status in CLEAN_EXITS, lines
    assert {int(status) for status in words_after("child", lines)} <= CLEAN_EXITS, lines
    ids = words_after("id", lines)
    assert len(ids) == len(set(ids)) == count
    arrived = await wait_for_messages(standin, count)
    assert sorted(message["messageId"] for message in arrived) == sorted(ids)


@pytest.mark.parametrize(
    ("program", "count"), [("forks_during_the_first_use", 2), ("forks_in_a_callback", 6)]
)
async def test_a_process_forked_at_a_bad_moment_sends_its_messages(
    temporal: Client, standin: StandIn, program: str, count: int
) -> None:
    """The SDK must not be half initialised in the child, and no callback runs there."""
    status, lines = await run(program, temporal)

    assert status in CLEAN_EXITS, lines
    assert {int(status) for status in words_after("child", lines)} <= CLEAN_EXITS, lines
    arrived = await wait_for_messages(standin, count)
    assert sorted(m["messageId"] for m in arrived) == sorted(words_after("id", lines))


async def test_a_process_forked_after_a_use_of_the_sdk_works(
    temporal: Client, standin: StandIn
) -> None:
    """What the SDK's threads left in the memory of the child must not crash it."""
    status, lines = await run("pools_after_use", temporal)

    assert status in CLEAN_EXITS, lines
    assert words_after("child", lines) == ["0"] * 12
    arrived = await wait_for_messages(standin, 72)
    assert sorted(m["messageId"] for m in arrived) == sorted(words_after("id", lines))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux")
async def test_attempts_to_connect_leave_nothing_to_a_forked_child() -> None:
    """To finalise a runtime of the SDK without its threads would never end."""
    _, lines = await run_client_program(
        "tests.found.buffering.programs", "forks_in_an_outage", None
    )

    assert words_after("child", lines) == ["0"] * 3, lines
    first, *_, last = map(int, words_after("threads", lines))
    assert last <= first


async def test_a_first_message_at_exit_is_sent_or_reported(
    temporal: Client, standin: StandIn
) -> None:
    """Since Python 3.12 no thread can be started there: the message is kept, or told."""
    status, lines = await run("tracks_first_at_exit", temporal)

    assert status in CLEAN_EXITS, lines
    (id_,) = words_after("id", lines)
    if "lost 1 NotAccepted" in lines:
        assert "raised NotAccepted" in lines
    else:
        arrived = await wait_for_messages(standin, 1)
        assert [message["messageId"] for message in arrived] == [id_]


async def test_sys_exit_in_a_callback_does_not_stop_the_client(
    temporal: Client, standin: StandIn
) -> None:
    """It ends nothing."""
    status, lines = await run("exits_in_a_callback", temporal)

    assert status == 0, lines
    arrived = await wait_for_messages(standin, 3)
    assert sorted(m["messageId"] for m in arrived) == sorted(words_after("id", lines))


def get(port: int) -> str:
    """Ask the application once."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=60) as response:
        text: str = response.read().decode()
        return text


async def wait_for_port(port: int) -> None:
    """Wait until somebody listens."""
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


@pytest.mark.slow
@pytest.mark.parametrize("before", [False, True], ids=["unused", "used before the fork"])
@pytest.mark.parametrize("options", [(), ("--threads", "2")], ids=["", "threads"])
async def test_each_call_in_uwsgi_workers_arrives_once(
    temporal: Client, standin: StandIn, *, before: bool, options: tuple[str, ...]
) -> None:
    """Sixty calls give sixty distinct messages, and the server stops when it is asked to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = clean_environment(
        TEMPORAL_ADDRESS=temporal.service_client.config.target_host,
        **({"TRACK_BEFORE_THE_FORK": "1"} if before else {}),
    )
    server = await asyncio.create_subprocess_exec(
        UWSGI,
        "--master",
        "--processes=3",
        "--enable-threads",
        "--disable-logging",
        f"--http-socket=127.0.0.1:{port}",
        "--module=tests.found.buffering.served:application",
        *options,
        env=environment,
        start_new_session=True,
    )
    try:
        await wait_for_port(port)
        with ThreadPoolExecutor(6) as threads:
            calls = [asyncio.wrap_future(threads.submit(get, port)) for _ in range(60)]
            answers = await asyncio.gather(*calls)
        ids = {answer.split()[1] for answer in answers}
        expected = ids | ({"before"} if before else set())
        # uWSGI runs no exit handlers in a worker that is busy when it is stopped.
        arrived = await wait_for_messages(standin, len(expected))
        server.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            await server.wait()
    finally:
        if server.returncode is None:
            os.killpg(server.pid, signal.SIGKILL)
            await server.wait()

    assert len(ids) == 60
    assert {message["messageId"] for message in arrived} == expected
    assert len(arrived) == len(expected)
