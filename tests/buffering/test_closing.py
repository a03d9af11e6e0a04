"""Waiting for Temporal to have everything, and the end of a client."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from durable_analytics import ClientClosed, NotAccepted, Outcome
from tests.support.buffering import SOON, Gate, Make, refusal, track

BRIEFLY = timedelta(milliseconds=30)


class TestFlush:
    """`flush` and `aflush`."""

    def test_flush_returns_at_once_without_messages(self, make: Make, gate: Gate) -> None:
        """Before the first message, and after everything."""
        client = make()
        client.flush()
        track(client)
        client.flush()
        client.flush()

        assert len(gate.starts) == 1

    def test_flush_waits_for_messages_in_flight(self, make: Make, gate: Gate) -> None:
        """Not only for what is queued."""
        client = make(flush_at=1)
        held = gate.hold()
        track(client)
        gate.wait_for(1)
        with ThreadPoolExecutor() as threads:
            flushing = threads.submit(client.flush, SOON)
            assert not flushing.done()
            held.set_result(None)
            flushing.result(SOON.total_seconds())

    def test_flush_waits_for_the_oldest_batch(self, make: Make, gate: Gate) -> None:
        """A later batch that Temporal has does not make up for an earlier one."""
        client = make(flush_at=1, max_flushes=2)
        held = gate.hold()
        for number in (1, 2):
            track(client)
            gate.wait_for(number)

        with pytest.raises(NotAccepted):
            client.flush(BRIEFLY)
        held.set_result(None)
        client.flush(SOON)

    def test_flush_does_not_wait_for_later_messages(self, make: Make, gate: Gate) -> None:
        """What is enqueued after it does not hold it up."""
        client = make(max_flushes=1)
        first, second = gate.hold(), gate.hold()
        track(client)
        with ThreadPoolExecutor() as threads:
            flushing = threads.submit(client.flush, SOON)
            gate.wait_for(1)
            track(client)
            first.set_result(None)
            flushing.result(SOON.total_seconds())
        second.set_result(None)

    def test_flush_raises_when_its_time_is_over_and_messages_stay(
        self, make: Make, gate: Gate
    ) -> None:
        """The messages stay, and a later flush waits for them again."""
        client = make()
        held = gate.hold()
        ids = track(client, 3)

        with pytest.raises(NotAccepted) as raised:
            client.flush(timedelta(0))
        assert str(raised.value) == (
            "Temporal does not have 3 messages yet: "
            "they stay in memory, and the client tries to send them again"
        )
        held.set_result(None)
        client.flush(SOON)

        assert [start.ids for start in gate.starts] == [ids]

    async def test_aflush_does_not_block_the_event_loop(self, make: Make, gate: Gate) -> None:
        """The event loop runs on; the time runs out there as well."""
        client = make()
        held = gate.hold()
        track(client)

        with pytest.raises(NotAccepted, match="does not have 1 messages yet"):
            await client.aflush(BRIEFLY)
        flushing = asyncio.create_task(client.aflush())
        held.set_result(None)
        await asyncio.wait_for(flushing, SOON.total_seconds())

    def test_flush_does_not_wait_for_refused_messages(self, make: Make, gate: Gate) -> None:
        """It was told to `on_error`; a flush does not wait for ever."""
        lost: list[Any] = []
        client = make(on_error=lambda *both: lost.append(both))
        gate.refuse(refusal())
        track(client)

        client.flush(SOON)

        assert len(lost) == 1


class TestClose:
    """`close`, `aclose` and what calls them."""

    def test_close_flushes_and_ends_the_thread(self, make: Make, gate: Gate) -> None:
        """And ends the thread."""
        client = make()
        ids = track(client, 3)
        before = {thread.name for thread in threading.enumerate()}

        client.close()

        assert [start.ids for start in gate.starts] == [ids]
        assert before - {thread.name for thread in threading.enumerate()} == {"durable-analytics"}

    def test_a_closed_client_takes_no_messages(self, make: Make, gate: Gate) -> None:
        """Whether it was ever used or not."""
        for client in (make(), make()):
            client.close()
            with pytest.raises(ClientClosed, match="the client was closed"):
                track(client)
            client.flush()

        assert gate.starts == []

    def test_closing_again_does_nothing(self, make: Make, gate: Gate) -> None:
        """Does nothing, even where the first time failed."""
        client = make()
        gate.hold()
        track(client)
        with pytest.raises(NotAccepted, match="before Temporal had 1 messages"):
            client.close(BRIEFLY)

        client.close()

    def test_several_threads_may_close_at_once(self, make: Make, gate: Gate) -> None:
        """All of them return once it is closed."""
        client = make()
        ids = track(client, 3)
        with ThreadPoolExecutor() as threads:
            for closing in [threads.submit(client.close) for _ in range(4)]:
                closing.result(SOON.total_seconds())

        assert [start.ids for start in gate.starts] == [ids]

    def test_closing_ends_a_flush_that_waits(self, make: Make, gate: Gate) -> None:
        """Learns that its messages are not kept."""
        client = make()
        gate.hold()
        track(client)
        with ThreadPoolExecutor() as threads:
            flushing = threads.submit(client.flush)
            gate.wait_for(1)
            with pytest.raises(NotAccepted):
                client.close(BRIEFLY)
            with pytest.raises(NotAccepted, match="closed before Temporal had 1 messages"):
                flushing.result(SOON.total_seconds())

    def test_closing_does_not_wait_for_a_callback_that_hangs(
        self,
        make: Make,
        gate: Gate,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Cannot hold up the end for ever; the log says so."""
        monkeypatch.setattr("durable_analytics.buffering._thread._CALLBACKS_TIMEOUT", BRIEFLY)
        client = make()
        end = threading.Event()
        track(client, callback=lambda _: end.wait(SOON.total_seconds()))

        with pytest.raises(
            NotAccepted, match="closed before Temporal had 1 messages: they are not"
        ):
            client.close(BRIEFLY)
        end.set()

        assert len(gate.starts) == 1
        assert "a callback of the buffering client does not return" in caplog.text

    def test_with_closes_the_client(self, make: Make, gate: Gate) -> None:
        """At the end of the block."""
        with make() as client:
            ids = track(client)

        assert [start.ids for start in gate.starts] == [ids]
        with pytest.raises(ClientClosed):
            track(client)

    async def test_async_with_closes_the_client(self, make: Make, gate: Gate) -> None:
        """The same, and the event loop runs on."""
        gate.hold()
        loop = asyncio.get_running_loop()
        loop.call_later(BRIEFLY.total_seconds(), gate.open)
        async with make() as client:
            ids = track(client)

        assert [start.ids for start in gate.starts] == [ids]
        with pytest.raises(ClientClosed):
            track(client)


async def test_calls_do_not_block_the_event_loop(make: Make, gate: Gate) -> None:
    """Calls return while Temporal holds everything up, and the event loop runs on."""
    outcomes: list[Outcome] = []
    client = make(flush_at=10, max_flushes=1)
    held = gate.hold()

    track(client, 1000, callback=outcomes.append)
    waiting = asyncio.create_task(client.aflush(SOON))
    await asyncio.to_thread(gate.wait_for, 1)

    assert outcomes == []
    assert not waiting.done()
    held.set_result(None)
    await waiting
    assert len(outcomes) == 1000
