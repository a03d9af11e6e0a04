"""Parts that arrive together are combined into one execution."""

import asyncio
from datetime import timedelta

import pytest
from pydantic_core import to_json

from gateway.coalescing import Coalescer
from gateway.gateway_message import GatewayMessage
from gateway.partition import MOST_IN_EXECUTION, Part
from gateway.translation import SHARED_LIMIT_BYTES
from tests.support.json_objects import Json

AT_ONCE = timedelta(0)


class Store:
    """Records batches, and completes each when the test permits."""

    def __init__(self) -> None:
        self.stored: list[list[bytes]] = []
        self.integrations: list[str] = []
        self.gate = asyncio.Semaphore(0)
        self.asked = asyncio.Event()
        self.refused: bytes | None = None

    async def __call__(self, integration: str, part: Part) -> None:
        """Store messages."""
        self.stored.append(part.contents)
        self.integrations.append(integration)
        self.asked.set()
        await self.gate.acquire()
        if self.refused in part.contents:
            raise TimeoutError("away")


def part(*contents: bytes, source: str | None = None, options: Json | None = None) -> Part:
    """Make a part of these messages."""
    items = [GatewayMessage(content, content.decode(), content) for content in contents]
    return Part(source, items, to_json(options or {}))


def put(coalescer: Coalescer, *contents: bytes) -> list[asyncio.Future[None]]:
    """Add single messages at the same time."""
    return [coalescer.put("segment", part(content)) for content in contents]


async def test_simultaneous_messages_share_a_batch() -> None:
    """In order; their futures complete when it is stored."""
    store = Store()
    requests = put(Coalescer(store, AT_ONCE), b"1", b"2", b"3")
    await store.asked.wait()
    assert not any(request.done() for request in requests)

    store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [[b"1", b"2", b"3"]]


async def test_messages_wait_while_a_batch_is_stored() -> None:
    """They share the next batch, in order."""
    store = Store()
    coalescer = Coalescer(store, AT_ONCE)
    (first,) = put(coalescer, b"1")
    await store.asked.wait()
    later = put(coalescer, b"2", b"3")

    store.gate.release()
    await first
    assert not any(request.done() for request in later)
    store.gate.release()
    await asyncio.gather(*later)

    assert store.stored == [[b"1"], [b"2", b"3"]]


async def test_the_next_execution_waits_for_the_senders_of_the_last_one() -> None:
    """Their next messages arrive one after the other, and share an execution again."""
    store = Store()
    for _ in range(2):
        store.gate.release()
    coalescer = Coalescer(store, timedelta(milliseconds=100))
    await asyncio.gather(*put(coalescer, b"1", b"2", b"3"))

    requests = []
    for content in (b"4", b"5", b"6"):
        requests += put(coalescer, content)
        await asyncio.sleep(0.15)
    await asyncio.gather(*requests)

    assert store.stored == [[b"1", b"2", b"3"], [b"4", b"5", b"6"]]


async def test_a_sender_does_not_wait_for_others_without_end() -> None:
    """They may have nothing more to send."""
    store = Store()
    for _ in range(2):
        store.gate.release()
    coalescer = Coalescer(store, timedelta(milliseconds=1))
    await asyncio.gather(*put(coalescer, b"1", b"2", b"3"))

    await asyncio.gather(*put(coalescer, b"4"))

    assert store.stored == [[b"1", b"2", b"3"], [b"4"]]


async def test_idle_coalescer_starts_again() -> None:
    """After all batches are stored."""
    store = Store()
    coalescer = Coalescer(store, AT_ONCE)

    for content in (b"1", b"2"):
        store.gate.release()
        await coalescer.put("segment", part(content))

    assert store.stored == [[b"1"], [b"2"]]


async def test_batch_is_limited_by_message_count() -> None:
    """Further messages are stored in the next batch."""
    store = Store()
    contents = [b"%d" % index for index in range(MOST_IN_EXECUTION + 1)]
    requests = put(Coalescer(store, AT_ONCE), *contents)
    for _ in range(2):
        store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [contents[:MOST_IN_EXECUTION], contents[MOST_IN_EXECUTION:]]


async def test_batch_is_limited_by_size() -> None:
    """A single message may exceed it."""
    store = Store()
    contents = [b"a" * 200_000, b"b" * 200_000, b"c" * 200_000, b"d" * 600_000, b"e"]
    requests = put(Coalescer(store, AT_ONCE), *contents)
    for _ in range(4):
        store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [contents[:2], [contents[2]], [contents[3]], [contents[4]]]


async def test_refused_part_affects_no_other_part() -> None:
    """Each of the others is stored without it, in order."""
    store = Store()
    store.refused = b"3"
    coalescer = Coalescer(store, AT_ONCE)
    lists = [part(b"1", b"2"), part(b"3", b"4"), part(b"5"), part(b"6")]
    requests = [coalescer.put("segment", one) for one in lists]
    for _ in range(5):
        store.gate.release()

    failures = await asyncio.gather(*requests, return_exceptions=True)

    assert [type(failure) for failure in failures] == [type(None), TimeoutError] + [type(None)] * 2
    stored = [contents for contents in store.stored if b"3" not in contents]
    assert stored == [[b"1", b"2"], [b"5", b"6"]]


async def test_parts_share_an_execution_in_order() -> None:
    """The messages of each stay together."""
    store = Store()
    coalescer = Coalescer(store, AT_ONCE)
    lists = [part(b"1", b"2", source="a"), part(b"3", source="a"), part(b"4", b"5", source="a")]
    requests = [coalescer.put("segment", one) for one in lists]
    store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [[b"1", b"2", b"3", b"4", b"5"]]


async def test_different_parts_do_not_mix() -> None:
    """Those of another integration, another source or with other options."""
    store = Store()
    coalescer = Coalescer(store, AT_ONCE)
    options: Json = {"context": {"ip": "192.0.2.1"}}
    requests = [
        coalescer.put("segment", part(b"1", source="a")),
        coalescer.put("segment", part(b"2", source="b")),
        coalescer.put("segment", part(b"3", source="a", options=options)),
        coalescer.put("journy", part(b"4", source="a")),
        coalescer.put("segment", part(b"5", source="a")),
        coalescer.put("segment", part(b"6", source="a", options=options)),
    ]
    for _ in range(4):
        store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [[b"1", b"5"], [b"2"], [b"3", b"6"], [b"4"]]
    assert store.integrations == ["segment"] * 3 + ["journy"]


async def test_part_that_does_not_fit_is_stored_in_the_next_batch() -> None:
    """It is not split, and nothing overtakes it."""
    store = Store()
    coalescer = Coalescer(store, AT_ONCE)
    half = MOST_IN_EXECUTION // 2
    lists = [part(*[b"%d" % index] * count) for index, count in enumerate((half, half + 1, 1))]
    requests = [coalescer.put("segment", one) for one in lists]
    for _ in range(2):
        store.gate.release()
    await asyncio.gather(*requests)

    assert [len(contents) for contents in store.stored] == [half, half + 2]


async def test_large_options_reduce_messages_per_batch() -> None:
    """The worker copies them into each message."""
    store = Store()
    coalescer = Coalescer(store, AT_ONCE)
    options: Json = {"context": {"title": "x" * (SHARED_LIMIT_BYTES // 4)}}
    requests = [coalescer.put("segment", part(b"%d" % n, options=options)) for n in range(2)]
    for _ in range(2):
        store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [[b"0"], [b"1"]]


async def test_cancelled_message_is_not_stored() -> None:
    """The client retries it, and it would be stored twice."""
    store = Store()
    coalescer = Coalescer(store, AT_ONCE)
    (first,) = put(coalescer, b"1")
    await store.asked.wait()
    given_up, patient = put(coalescer, b"2", b"3")
    await asyncio.sleep(0)

    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    for _ in range(2):
        store.gate.release()
    await asyncio.gather(first, patient)

    assert store.stored == [[b"1"], [b"3"]]


async def test_batch_of_cancelled_messages_is_not_stored() -> None:
    """The next message is stored."""
    store = Store()
    coalescer = Coalescer(store, AT_ONCE)
    requests = put(coalescer, b"1", b"2")
    await asyncio.sleep(0)
    for request in requests:
        request.cancel()
    await asyncio.gather(*requests, return_exceptions=True)
    store.gate.release()

    await coalescer.put("segment", part(b"3"))

    assert store.stored == [[b"3"]]


async def test_cancellation_during_a_store_affects_no_other_message() -> None:
    """Their futures complete."""
    store = Store()
    given_up, patient = put(Coalescer(store, AT_ONCE), b"1", b"2")
    await store.asked.wait()

    given_up.cancel()
    store.gate.release()
    await patient

    assert given_up.cancelled()
    assert store.stored == [[b"1", b"2"]]


async def test_first_message_waits_for_the_interval() -> None:
    """A message that arrives a little later shares its batch."""
    store = Store()
    coalescer = Coalescer(store, timedelta(seconds=0.2))
    requests = put(coalescer, b"1")
    for _ in range(10):
        await asyncio.sleep(0)
    requests += put(coalescer, b"2")
    store.gate.release()
    await asyncio.gather(*requests)

    assert store.stored == [[b"1", b"2"]]
