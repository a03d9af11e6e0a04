"""Small requests share an execution, and each hears what became of it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from gateway.gathering import MOST_MESSAGES, Gatherer

AT_ONCE = timedelta(0)


class Store:
    """Where executions go, each when the test lets it."""

    def __init__(self) -> None:
        self.stored: list[list[bytes]] = []
        self.gate = asyncio.Semaphore(0)
        self.asked = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, contents: Sequence[bytes]) -> None:
        """Store messages."""
        self.stored.append(list(contents))
        self.asked.set()
        await self.gate.acquire()
        if self.failure:
            raise self.failure


def put(gatherer: Gatherer, *contents: bytes) -> list[asyncio.Task[None]]:
    """Requests at the same time."""
    return [asyncio.create_task(gatherer.put(content)) for content in contents]


async def test_requests_at_the_same_time() -> None:
    """They go into one execution, in order, and wait until it is stored."""
    store = Store()
    requests = put(Gatherer(store, AT_ONCE), b"1", b"2", b"3")
    await store.asked.wait()
    assert not any(request.done() for request in requests)

    store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [[b"1", b"2", b"3"]]


async def test_requests_while_another_is_stored() -> None:
    """They wait for the next, together; order is kept."""
    store = Store()
    gatherer = Gatherer(store, AT_ONCE)
    (first,) = put(gatherer, b"1")
    await store.asked.wait()
    later = put(gatherer, b"2", b"3")

    store.gate.release()
    await first
    assert not any(request.done() for request in later)
    store.gate.release()
    await asyncio.gather(*later)

    assert store.stored == [[b"1"], [b"2", b"3"]]


async def test_requests_after_a_while() -> None:
    """A gatherer that has come to rest begins again."""
    store = Store()
    gatherer = Gatherer(store, AT_ONCE)

    for content in (b"1", b"2"):
        store.gate.release()
        await gatherer.put(content)

    assert store.stored == [[b"1"], [b"2"]]


async def test_more_than_fit_by_number() -> None:
    """The rest goes into the next execution."""
    store = Store()
    contents = [b"%d" % index for index in range(MOST_MESSAGES + 1)]
    requests = put(Gatherer(store, AT_ONCE), *contents)
    for _ in range(2):
        store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [contents[:MOST_MESSAGES], contents[MOST_MESSAGES:]]


async def test_more_than_fit_by_size() -> None:
    """One request of a provider carries each execution; one alone may be larger than that."""
    store = Store()
    contents = [b"a" * 200_000, b"b" * 200_000, b"c" * 200_000, b"d" * 600_000, b"e"]
    requests = put(Gatherer(store, AT_ONCE), *contents)
    for _ in range(4):
        store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [contents[:2], [contents[2]], [contents[3]], [contents[4]]]


async def test_a_failure_reaches_every_caller() -> None:
    """Those that it concerns; the next ones go their own way."""
    store = Store()
    gatherer = Gatherer(store, AT_ONCE)
    store.failure = TimeoutError("away")
    requests = put(gatherer, b"1", b"2")
    store.gate.release()

    failures = await asyncio.gather(*requests, return_exceptions=True)

    assert [type(failure) for failure in failures] == [TimeoutError, TimeoutError]
    store.failure = None
    store.gate.release()
    await gatherer.put(b"3")
    assert store.stored == [[b"1", b"2"], [b"3"]]


async def test_a_caller_that_has_given_up() -> None:
    """Its message is not stored: it sends it again, and it would be there twice."""
    store = Store()
    gatherer = Gatherer(store, AT_ONCE)
    (first,) = put(gatherer, b"1")
    await store.asked.wait()
    given_up, patient = put(gatherer, b"2", b"3")
    await asyncio.sleep(0)

    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    for _ in range(2):
        store.gate.release()
    await asyncio.gather(first, patient)

    assert store.stored == [[b"1"], [b"3"]]


async def test_all_callers_have_given_up() -> None:
    """Nothing is stored, and the next message is not held up."""
    store = Store()
    gatherer = Gatherer(store, AT_ONCE)
    requests = put(gatherer, b"1", b"2")
    await asyncio.sleep(0)
    for request in requests:
        request.cancel()
    await asyncio.gather(*requests, return_exceptions=True)
    store.gate.release()

    await gatherer.put(b"3")

    assert store.stored == [[b"3"]]


async def test_a_caller_that_gives_up_while_it_is_stored() -> None:
    """The others are answered."""
    store = Store()
    given_up, patient = put(Gatherer(store, AT_ONCE), b"1", b"2")
    await store.asked.wait()

    given_up.cancel()
    store.gate.release()
    await patient

    assert given_up.cancelled()
    assert store.stored == [[b"1", b"2"]]


async def test_the_interval() -> None:
    """The first message waits for those that come a little later."""
    store = Store()
    gatherer = Gatherer(store, timedelta(seconds=0.2))
    requests = put(gatherer, b"1")
    for _ in range(10):
        await asyncio.sleep(0)
    requests += put(gatherer, b"2")
    store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [[b"1", b"2"]]
