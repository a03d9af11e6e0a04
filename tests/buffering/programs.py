"""Programs that end and fork with messages in their buffers, for the tests of processes."""

import asyncio
import atexit
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from durable_analytics import BufferingClient
from durable_analytics.temporal.connection import connect

NEVER = timedelta(hours=1)


def say(*words: Any) -> None:
    """Write one line, at once."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def buffering(**options: Any) -> BufferingClient:
    """A client that does not flush by itself, and says what is lost."""
    return BufferingClient(
        integration="segment",
        flush_interval=NEVER,
        on_error=lambda error, messages: say("lost", len(messages), type(error).__name__),
        **options,
    )


def track(client: BufferingClient, *names: str) -> None:
    """Enqueue an event for each of these message ids."""
    for name in names:
        client.track(user_id="u-1", event="E", message_id=name)


def ends() -> None:
    """A script that returns without closing its client."""
    track(buffering(), "one", "two")


def raises() -> None:
    """A script that fails."""
    track(buffering(), "one", "two")
    raise LookupError("the script's own")


def exits() -> None:
    """A script that exits in another function, with two clients."""
    track(buffering(), "one")
    track(buffering(), "two")
    sys.exit(3)


def tracks_at_exit() -> None:
    """A script whose own exit handler tracks."""
    client = buffering()
    track(client, "one")
    atexit.register(track, client, "two")


def is_terminated() -> None:
    """A service that turns SIGTERM into an exit, as servers do."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    track(buffering(), "one", "two")
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait()


def in_asyncio() -> None:
    """A service in asyncio that forgets to close."""

    async def main() -> None:
        track(buffering(), "one", "two")

    asyncio.run(main())


def in_a_pool() -> None:
    """A service whose work is done in processes of `multiprocessing`."""
    client = buffering()
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=track, args=(client, name)) for name in ("one", "two")]
    for child in children:
        child.start()
    for child in children:
        child.join()


def ends_in_vain() -> None:
    """Nobody answers."""
    track(buffering(exit_timeout=timedelta(seconds=0.5)), "one", "two")


def forks(client: BufferingClient) -> None:
    """Both track; the child's end is an exit of its own."""
    child = os.fork()
    track(client, "child" if child == 0 else "parent")
    if child:
        client.close()
        _, status = os.waitpid(child, 0)
        say("child", os.waitstatus_to_exitcode(status))


def forks_fresh() -> None:
    """As a server that loads the application and then forks: the client is made before."""
    forks(buffering())


def forks_with_messages() -> None:
    """The parent's messages are the parent's."""
    client = buffering()
    track(client, "before")
    forks(client)


def forks_used() -> None:
    """The parent has connected and sent."""
    client = buffering()
    track(client, "before")
    client.flush()
    forks(client)


def forks_given() -> None:
    """The connection was the caller's."""
    client = buffering(client=asyncio.run(connect()))
    track(client, "before")
    client.flush()
    forks(client)


def forks_closed() -> None:
    """A closed client is closed in the child as well."""
    client = buffering()
    track(client, "before")
    client.close()
    if os.fork() == 0:
        try:
            track(client, "child")
        except Exception as error:  # noqa: BLE001  # whatever it is, the test reads it
            say("child", type(error).__name__)
        os._exit(0)  # The SDK hangs at Python's own end in a child of a process that has used it.
    os.wait()


def counts_up() -> None:
    """Ids of parent and child."""
    client = buffering(disabled=True)
    first = client.track(user_id="u-1", event="E")
    child = os.fork()
    say(first if child else "child", client.track(user_id="u-1", event="E"))
    if child:
        os.wait()


PROGRAMS: Mapping[str, Callable[[], None]] = {
    program.__name__: program
    for program in (
        ends,
        raises,
        exits,
        tracks_at_exit,
        is_terminated,
        in_asyncio,
        in_a_pool,
        ends_in_vain,
        forks_fresh,
        forks_with_messages,
        forks_used,
        forks_given,
        forks_closed,
        counts_up,
    )
}


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
    PROGRAMS[sys.argv[1]]()
