"""Forks wait for the first use of the SDK, and only for that."""

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from durable_analytics.buffering._first_use import FirstUse


def use(first: FirstUse, entered: Event, leave: Event, *, fails: bool = False) -> None:
    """Use the SDK until told to leave."""
    with first.guard():
        entered.set()
        leave.wait()
        if fails:
            raise ConnectionError


@pytest.mark.parametrize("fails", [False, True])
def test_a_fork_waits_until_the_first_use_has_ended(fails: bool) -> None:
    """Also if it has failed; then the next use is the first one again."""
    first = FirstUse(patience_seconds=60)
    entered, leave = Event(), Event()
    with ThreadPoolExecutor(2) as threads:
        using = threads.submit(use, first, entered, leave, fails=fails)
        entered.wait()
        forking = threads.submit(first.wait)
        assert not forking.done()
        leave.set()
        forking.result()
        assert (using.exception() is not None) == fails

    assert first.is_over != fails


def after_success(first: FirstUse) -> object:
    """The first use is over, and there is another one."""
    with first.guard():
        pass
    return _inside(first)


def in_a_child(first: FirstUse) -> object:
    """The thread that was inside is one of the parent, and its objects are collected here."""
    inside = _inside(first)
    first.forget_threads()
    del inside
    gc.collect()
    return None


def without_a_server(first: FirstUse) -> object:
    """A use that does not end."""
    first.patience_seconds = 0.01
    return _inside(first)


def _inside(first: FirstUse) -> object:
    guard = first.guard()
    guard.__enter__()
    return guard


@pytest.mark.parametrize("prepare", [after_success, in_a_child, without_a_server])
def test_a_fork_goes_on(prepare: Callable[[FirstUse], object]) -> None:
    """It does not wait."""
    first = FirstUse(patience_seconds=3600)
    inside = prepare(first)

    first.wait()
    del inside
