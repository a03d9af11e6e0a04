"""A fork waits for those who use the SDK, and closes their connections."""

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from durable_analytics.buffering._fork_guard import ForkGuard, forget_frames
from durable_analytics.temporal.codecs import data_converter
from durable_analytics.temporal.connection import Connection


class Dropped(Connection):
    """A connection that counts how often it is dropped."""

    def __init__(self) -> None:
        super().__init__(None, data_converter=data_converter(compress=True), forked=False)
        self.drops = 0

    def drop(self) -> bool:
        """Count, and say that there was a connection."""
        self.drops += 1
        return True


def use(guard: ForkGuard, connection: Connection, entered: Event, leave: Event) -> None:
    """Use the SDK until told to leave, in an event loop of its own."""

    async def inside() -> None:
        async with guard.use(connection):
            entered.set()
            await asyncio.to_thread(leave.wait)

    asyncio.run(inside())


def test_a_fork_waits_until_nobody_uses_the_sdk() -> None:
    """Then it closes the connections, once; the next use waits until the fork is over."""
    guard, connection = ForkGuard(patience_seconds=60), Dropped()
    entered, leave = Event(), Event()
    with ThreadPoolExecutor(3) as threads:
        using = threads.submit(use, guard, connection, entered, leave)
        entered.wait()
        forking = threads.submit(guard.begin_fork)
        assert not forking.done()
        leave.set()
        forking.result()
        using.result()
        assert connection.drops == 1
        entered.clear()
        again = threads.submit(use, guard, connection, entered, leave)
        assert not entered.wait(0.05)
        guard.end_fork()
        again.result()


def test_a_use_waits_for_all_forks_that_have_begun() -> None:
    """Two threads may fork at the same time."""
    guard, entered, leave = ForkGuard(), Event(), Event()
    leave.set()
    guard.begin_fork()
    guard.begin_fork()
    guard.end_fork()
    with ThreadPoolExecutor(1) as threads:
        using = threads.submit(use, guard, Dropped(), entered, leave)
        assert not entered.wait(0.05)
        guard.end_fork()
        using.result()


async def test_a_callback_that_forks_does_not_wait_for_its_own_thread() -> None:
    """What is in use there stays open."""
    guard, connection = ForkGuard(patience_seconds=3600), Dropped()
    async with guard.use(connection):
        guard.begin_fork()
        guard.end_fork()

    assert not connection.drops


def test_the_frames_of_an_error_and_of_its_causes_are_forgotten() -> None:
    """They refer to a connection."""
    try:
        try:
            raise KeyError
        except KeyError as error:
            raise ValueError from error
    except ValueError as error:
        error.__context__ = RuntimeError()
        error.__context__.__cause__ = error
        forget_frames(error)
        kept = error

    assert kept.__traceback__ is None
    assert kept.__cause__
    assert kept.__cause__.__traceback__ is None


def in_a_child(guard: ForkGuard, inside: object) -> object:
    """The thread that was inside is one of the parent, and its objects are collected here."""
    guard.forget_parent()
    del inside
    gc.collect()
    return None


def without_a_server(guard: ForkGuard, inside: object) -> object:
    """A use that does not end."""
    guard.patience_seconds = 0.01
    return inside


@pytest.mark.parametrize("prepare", [in_a_child, without_a_server])
async def test_a_fork_goes_on(prepare: Callable[[ForkGuard, object], object]) -> None:
    """And leaves alone what is in use."""
    guard, connection = ForkGuard(patience_seconds=3600), Dropped()
    inside = guard.use(connection)
    await inside.__aenter__()
    kept = prepare(guard, inside)
    del inside

    await asyncio.to_thread(guard.begin_fork)

    assert not connection.drops
    del kept
