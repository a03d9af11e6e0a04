"""Stores in progress and completed stores are remembered, within limits."""

import asyncio

import pytest

from gateway.recent_stores import RecentStores


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def begin(recent: RecentStores, key: str) -> asyncio.Future[None]:
    """Begin a store."""
    store: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    recent.add([key], store)
    store.add_done_callback(lambda done: recent.complete([key], done))
    return store


async def end(store: asyncio.Future[None]) -> None:
    """Complete a store."""
    store.set_result(None)
    await asyncio.sleep(0)


async def test_store_can_be_joined_and_is_remembered() -> None:
    """Until it is forgotten explicitly."""
    recent = RecentStores()
    store = begin(recent, "a")
    assert recent.in_progress("a") is store
    assert not recent.is_stored("a")

    await end(store)

    assert recent.in_progress("a") is None
    assert recent.is_stored("a")
    recent.forget("a")
    assert not recent.is_stored("a")


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_failed_store_is_forgotten(is_cancelled: bool) -> None:
    """The next attempt begins anew."""
    recent = RecentStores()
    store = begin(recent, "a")

    if is_cancelled:
        store.cancel()
    else:
        store.set_exception(ValueError("refused"))
    await asyncio.sleep(0)

    assert recent.in_progress("a") is None
    assert not recent.is_stored("a")


async def test_stores_expire_by_age_and_count() -> None:
    """The oldest are forgotten first."""
    clock = Clock()
    recent = RecentStores(max_entries=2, retention_seconds=10, clock=clock)

    for key in "abc":
        await end(begin(recent, key))
    assert [recent.is_stored(key) for key in "abc"] == [False, True, True]
    clock.now = 10
    assert [recent.is_stored(key) for key in "abc"] == [False] * 3
