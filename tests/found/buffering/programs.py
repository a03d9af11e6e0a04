"""Programs that fork in C, as uWSGI does, and so run none of Python's hooks; and that end."""

import asyncio
import atexit
import ctypes
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from temporalio.client import Client

from durable_analytics import BufferingClient
from durable_analytics.buffering import _flusher
from durable_analytics.buffering._fork_guard import FORK_GUARD
from durable_analytics.temporal import connection
from durable_analytics.temporal.connection import Connection


def say(*words: Any) -> None:
    """Write one line, at once."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def buffering(**options: Any) -> BufferingClient:
    """A client that says what is lost."""
    return BufferingClient(
        integration="segment",
        on_error=lambda error, messages: say("lost", len(messages), type(error).__name__),
        **options,
    )


def fork_in_c() -> int:
    """Fork by the C library, the interpreter's lock in hand."""
    return int(ctypes.PyDLL(None).fork())


def three_children(client: BufferingClient) -> None:
    """Three children track twenty events each, and end by Python's own end."""
    children = []
    for _ in range(3):
        if (child := fork_in_c()) == 0:
            for _ in range(20):
                say("id", client.track(user_id="u-1", event="E"))
            return
        children.append(child)
    say("id", client.track(user_id="u-1", event="E"))
    for child in children:
        _, status = os.waitpid(child, 0)
        say("child", os.waitstatus_to_exitcode(status))


def forks_fresh() -> None:
    """The client was made before, and not used."""
    three_children(buffering())


def forks_during_the_first_use() -> None:
    """The process forks while the client's thread connects for the first time."""
    connecting, connect = threading.Event(), Connection.client

    async def connect_and_say(connection: Connection) -> Client:
        connecting.set()
        await asyncio.sleep(0.1)  # The other thread forks now.
        return await connect(connection)

    Connection.client = connect_and_say  # type: ignore[method-assign,assignment]
    FORK_GUARD.patience_seconds = 30
    client = buffering(flush_interval=0)
    say("id", client.track(user_id="u-1", event="E"))
    connecting.wait()
    child = os.fork()
    if child == 0:
        say("id", client.track(user_id="u-1", event="E"))
        return
    _, status = os.waitpid(child, 0)
    say("child", os.waitstatus_to_exitcode(status))


def until_idle() -> None:
    """Let the sending thread come to its wait.

    Whoever forks in C while a thread wants the interpreter's lock gets a child that may never have
    it, whatever that thread is.
    """
    time.sleep(0.5)


def forks_with_messages() -> None:
    """The parent has connected, and a message waits for others."""
    client = buffering(flush_interval=3600)
    say("id", client.track(user_id="u-1", event="sent before"))
    client.flush(30)
    say("id", client.track(user_id="u-1", event="queued before"))
    until_idle()
    three_children(client)


def forks_used() -> None:
    """The parent has connected and sent."""
    client = buffering()
    say("id", client.track(user_id="u-1", event="before"))
    client.flush(30)
    until_idle()
    three_children(client)


def pools_after_use() -> None:
    """Processes of `multiprocessing`, again and again, each after a message of the parent."""
    client = buffering(flush_interval=0)
    for number in range(12):
        say("id", client.track(user_id="u-1", event="before"))
        client.flush(30)
        # In turn with the client of the parent, and with one of the child's own.
        child = get_context("fork").Process(
            target=child_of_a_pool, args=[client if number % 2 else None]
        )
        child.start()
        child.join(60)
        say("child", child.exitcode)


def child_of_a_pool(client: BufferingClient | None) -> None:
    """Five events, and no end of the interpreter, which the SDK may crash."""
    client = client or buffering()
    for _ in range(5):
        say("id", client.track(user_id="u-1", event="E"))
    client.close(30)
    os._exit(0)


def forks_in_a_callback() -> None:
    """A callback starts a process, which ends as those of `multiprocessing` do."""
    children: list[Any] = []

    def track_five() -> None:
        for _ in range(5):
            say("id", client.track(user_id="u-1", event="E"))
        client.flush(30)

    def start_child(_: Any) -> None:
        children.append(get_context("fork").Process(target=track_five))
        children[0].start()

    client = buffering(flush_interval=0)
    say("id", client.track(user_id="u-1", event="before", callback=start_child))
    client.flush(30)
    while not children:
        time.sleep(0.02)
    children[0].join(60)
    say("child", children[0].exitcode)


def forks_in_an_outage() -> None:
    """No server answers; the child collects what the attempts to connect have left."""
    connection._PATIENCE = timedelta(milliseconds=20)  # noqa: SLF001  # many attempts
    _flusher._LONGEST_PAUSE_SECONDS = 0.0  # noqa: SLF001
    FORK_GUARD.patience_seconds = 0.01
    client = buffering(flush_interval=0)
    client.track(user_id="u-1", event="E")
    for _ in range(3):
        time.sleep(1)
        say("threads", len([*Path("/proc/self/task").iterdir()]))
        if (child := os.fork()) == 0:
            gc.collect()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        say("child", os.waitstatus_to_exitcode(status))
    os._exit(0)


def forks_while_locks_are_held() -> None:
    """Threads of the parent are in the middle of everything, and are not there in the child."""
    client = buffering()
    session = client._lifecycle.session  # noqa: SLF001  # what a thread may hold at any time
    locks = [
        session._lock,  # noqa: SLF001
        session._close_lock,  # noqa: SLF001
        session.pipeline.buffer._lock,  # noqa: SLF001
        session.pipeline._thread._lock,  # noqa: SLF001
        session.pipeline._end_lock,  # noqa: SLF001
    ]
    held, end = threading.Event(), threading.Event()

    def hold() -> None:
        for lock in locks:
            lock.acquire()
        held.set()
        end.wait()
        for lock in locks:
            lock.release()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = fork_in_c()
    if child == 0:
        say("id", client.track(user_id="u-1", event="E"))
        client.flush(30)
        client.close(30)
        os._exit(0)
    end.set()
    holder.join()
    _, status = os.waitpid(child, 0)
    say("child", os.waitstatus_to_exitcode(status))


def tracks_first_at_exit() -> None:
    """The first message of a client that is made as the interpreter ends."""

    def last_words() -> None:
        client = buffering()
        say("id", client.track(user_id="u-1", event="E"))
        try:
            client.close(10)
        except Exception as error:  # noqa: BLE001  # whatever it is, the test reads it
            say("raised", type(error).__name__)

    atexit.register(last_words)


def exits_in_a_callback() -> None:
    """A callback calls `sys.exit`, and the script ends."""
    client = buffering()
    for _ in range(3):
        say("id", client.track(user_id="u-1", event="E", callback=lambda _: sys.exit(7)))


PROGRAMS: Mapping[str, Callable[[], None]] = {
    program.__name__: program
    for program in (
        forks_fresh,
        forks_with_messages,
        forks_used,
        forks_during_the_first_use,
        pools_after_use,
        forks_in_an_outage,
        forks_in_a_callback,
        forks_while_locks_are_held,
        tracks_first_at_exit,
        exits_in_a_callback,
    )
}


if __name__ == "__main__":
    PROGRAMS[sys.argv[1]]()
