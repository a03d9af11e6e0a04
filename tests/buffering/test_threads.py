"""Many threads at once: each message is either kept, or its caller has an exception."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from temporalio.service import RPCStatusCode

from durable_analytics import ClientClosed, NotAccepted, Outcome
from durable_analytics.wire.messages import JsonObject
from tests.support.buffering import SOON, Gate, Make, refusal

THREADS = 8


def test_closing_under_load_loses_no_accepted_message(make: Make, gate: Gate) -> None:
    """Whatever a call returned is kept; whatever raised is not; nothing is in between."""
    client = make(flush_at=10, max_queue_size=300, wait_when_full=SOON)
    enough = threading.Semaphore(0)

    def until_closed(number: int) -> list[str]:
        ids = []
        while True:
            try:
                ids.append(client.track(user_id=f"u-{number}", event="E"))
            except ClientClosed:
                return ids
            enough.release()

    with ThreadPoolExecutor(THREADS) as threads:
        callers = [threads.submit(until_closed, number) for number in range(THREADS)]
        for _ in range(2000):
            assert enough.acquire(timeout=SOON.total_seconds())
        client.close()
        returned = [caller.result(SOON.total_seconds()) for caller in callers]

    kept = [message for start in gate.starts for message in start.messages]
    assert Counter(m["message_id"] for m in kept) == Counter(id_ for ids in returned for id_ in ids)
    for number, ids in enumerate(returned):
        assert [m["message_id"] for m in kept if m["user_id"] == f"u-{number}"] == ids


def test_closing_during_an_outage_reports_each_lost_message(make: Make, gate: Gate) -> None:
    """What is not kept is told three times over: by the callback, `on_error` and `close`."""
    lost: list[JsonObject] = []
    outcomes: list[Outcome] = []
    client = make(
        flush_at=10,
        max_queue_size=500,
        wait_when_full=SOON,
        on_error=lambda _, messages: lost.extend(messages),
    )

    def until_closed() -> list[str]:
        ids = []
        while True:
            try:
                ids.append(client.track(user_id="u-1", event="E", callback=outcomes.append))
            except ClientClosed:
                return ids

    with ThreadPoolExecutor(THREADS) as threads:
        callers = [threads.submit(until_closed) for _ in range(THREADS)]
        gate.wait_for(5)
        gate.away = refusal(RPCStatusCode.UNAVAILABLE)
        gate.wait_for(len(gate.starts) + 3)
        with pytest.raises(NotAccepted, match=r"before Temporal had \d+ messages"):
            client.close(timedelta(milliseconds=100))
        returned = [id_ for caller in callers for id_ in caller.result(SOON.total_seconds())]

    kept = [outcome.message_id for outcome in outcomes if outcome.error is None]
    missing = [outcome.message_id for outcome in outcomes if outcome.error]
    assert sorted(id_ for start in gate.let_in for id_ in start.ids) == sorted(kept)
    assert Counter(kept + missing) == Counter(returned)
    assert Counter(message["message_id"] for message in lost) == Counter(missing)
    assert missing


def test_message_ids_are_unique_over_threads_and_clients(make: Make, gate: Gate) -> None:
    """Over all threads and clients, and shaped like a UUID."""
    clients = [make(), make()]

    def many(number: int) -> list[str]:
        return [clients[number % 2].track(user_id="u-1", event="E") for _ in range(500)]

    with ThreadPoolExecutor(THREADS) as threads:
        ids = [id_ for some in threads.map(many, range(THREADS)) for id_ in some]

    assert len(set(ids)) == len(ids) == 500 * THREADS
    assert {tuple(map(len, id_.split("-"))) for id_ in ids} == {(8, 4, 4, 4, 12)}
    for client in clients:
        client.flush(SOON)
    assert sorted(id_ for start in gate.starts for id_ in start.ids) == sorted(ids)
