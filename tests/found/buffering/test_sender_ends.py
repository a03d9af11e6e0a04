"""Whatever ends the thread that sends, a message is kept, or its caller hears of it."""

import asyncio
import linecache
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCStatusCode

import durable_analytics.buffering as package
from durable_analytics import BufferingClient, NotAccepted, Outcome
from durable_analytics.buffering import _pipeline
from durable_analytics.buffering._thread import FlusherThread
from tests.support.buffering import NEVER, SOON, Gate, refusal, track

pytestmark = pytest.mark.slow

SENDING_SIDE = str(Path(package.__file__).parent)


class Reports:
    """What callers hear of their messages."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.lost: list[str] = []
        self.refused: set[str] = set()
        """Those of the lost that Temporal itself does not take: nobody waits for them."""

    def on_error(self, error: Exception, messages: list[Any]) -> None:
        """Note what is lost."""
        ids = [message["message_id"] for message in messages]
        self.lost += ids
        if "Temporal refuses" in str(error):
            self.refused.update(ids)

    @property
    def reported(self) -> set[str]:
        """The messages that somebody was told are not known to be kept."""
        return {o.message_id for o in self.outcomes if o.error is not None} | set(self.lost)


class Injector:
    """Raises once in the sending thread, at the n-th line that it runs of the client's modules."""

    def __init__(self, place: int, error: BaseException) -> None:
        self._left = place
        self._error = error
        self.where = ""

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        """Trace a frame."""
        if not frame.f_code.co_filename.startswith(SENDING_SIDE):
            return None
        # Raised as a lock is given back, it would not be; nothing but a tracer raises there.
        code = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and "_lock:" not in code:
            self._left -= 1
            if self._left == 0:
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                raise self._error
        return self


def send_some(gate: Gate, connected: Client) -> tuple[list[str], Reports, bool]:
    """Send seven messages, some of them refused; returns their ids and what became of them."""
    reports = Reports()
    gate.refuse(refusal())
    client = BufferingClient(
        connected, flush_at=2, flush_interval=0.02, max_flushes=1, on_error=reports.on_error
    )
    ids = track(client, 3, callback=reports.outcomes.append)
    raised = False
    for finish in (client.flush, client.close):
        try:
            finish(SOON)
        except NotAccepted:
            raised = True
        if finish == client.flush:
            ids += track(client, 4)
    return ids, reports, raised


ERRORS = [RuntimeError("injected"), SystemExit(1), MemoryError(), asyncio.CancelledError()]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Injector], None]]:
    """Set what traces the sending thread from now on."""
    injectors: list[Injector] = []
    run = FlusherThread._run  # noqa: SLF001  # the whole of what runs in the thread

    def traced_run(self: FlusherThread, *arguments: Any) -> None:
        before = sys.gettrace()
        sys.settrace(injectors[-1])
        try:
            run(self, *arguments)
        finally:
            sys.settrace(before)

    monkeypatch.setattr(FlusherThread, "_run", traced_run)
    monkeypatch.setattr("durable_analytics.buffering._thread.gc.collect", lambda: 0)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr(_pipeline, "_CHECK_SECONDS", 0.02)
    monkeypatch.setattr("durable_analytics.buffering._flusher._FIRST_PAUSE_SECONDS", 0.0)
    yield injectors.append
    logging.getLogger("durable_analytics.buffering").disabled = False


# Raised before the context that closes it begins, the event loop is left to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_exception_at_any_line_of_the_thread_loses_no_message_unreported(
    connected: Client, gate: Gate, traced: Callable[[Injector], None], error: BaseException
) -> None:
    """No message is lost without a word, and `flush` or `close` raises where one is."""
    logging.getLogger("durable_analytics.buffering").disabled = True
    place, reached = 0, True
    while reached:
        place += 1
        injector = Injector(place, error)
        traced(injector)
        gate.let_in.clear()
        ids, reports, raised = send_some(gate, connected)
        kept = {id_ for start in gate.let_in for id_ in start.ids}
        missing = set(ids) - kept
        assert missing <= reports.reported, injector.where
        assert raised or missing <= reports.refused, injector.where
        reached = bool(injector.where)

    assert place > 100


@pytest.fixture
def reports() -> Reports:
    """What the test's callers hear."""
    return Reports()


def assert_lost(client: BufferingClient, reports: Reports, ids: list[str]) -> None:
    """Both ends raise with the number of messages, and everybody was told."""
    with pytest.raises(NotAccepted, match=f"{len(ids)} messages"):
        client.flush(SOON)
    assert [outcome.message_id for outcome in reports.outcomes if outcome.error] == ids
    assert reports.lost == ids
    with pytest.raises(NotAccepted, match=f"{len(ids)} messages"):
        client.close(SOON)
    client.close(SOON)


def failing(*_: Any, **__: Any) -> Any:
    """Fail as a bug would."""
    raise AttributeError("a bug")


@pytest.mark.parametrize(
    "place",
    [
        "_flusher.Flusher.run",
        "_flusher.Flusher._wait_until_due",
        "_flusher.Flusher._flush",
        "_buffer.Buffer.arm",
        "_buffer.Buffer.take_batch",
        "_flusher.BatchStarter.start",
        "_flusher.BatchStarter._start_execution",
        "_flusher.batch_input",
        "_thread.FlusherThread._main",
        "_pipeline.Connection",
        "_pipeline.Flusher",
    ],
)
def test_a_failure_of_the_thread_reports_all_messages(
    *, connected: Client, reports: Reports, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Wherever: `flush` and `close` raise, and callers hear which messages are lost."""
    monkeypatch.setattr(f"durable_analytics.buffering.{place}", failing)
    client = BufferingClient(connected, flush_interval=NEVER, on_error=reports.on_error)

    ids = track(client, 3, callback=reports.outcomes.append)

    assert_lost(client, reports, ids)


async def test_a_failure_of_the_thread_ends_waits_in_asyncio(
    connected: Client, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `aflush` and `aclose`, and `room` goes on."""
    monkeypatch.setattr("durable_analytics.buffering._buffer.Buffer.take_batch", failing)
    client = BufferingClient(
        connected, flush_interval=NEVER, max_queue_size=2, on_error=reports.on_error
    )
    ids = track(client, 2)
    waiting = asyncio.create_task(client.room())
    with pytest.raises(NotAccepted, match="2 messages"):
        await client.aflush(SOON)
    await asyncio.wait_for(waiting, SOON.total_seconds())
    assert reports.lost == ids
    with pytest.raises(NotAccepted, match="2 messages"):
        await client.aclose(SOON)


def test_the_next_message_starts_another_thread(
    connected: Client, gate: Gate, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failure does not end a service's analytics; `close` still says that something is lost."""
    client = BufferingClient(connected, flush_interval=NEVER, on_error=reports.on_error)
    with monkeypatch.context() as broken:
        broken.setattr("durable_analytics.buffering._buffer.Buffer.take_batch", failing)
        lost = track(client, 2)
        with pytest.raises(NotAccepted, match="2 messages"):
            client.flush(SOON)

    kept = track(client, 3)
    client.flush(SOON)

    assert [start.ids for start in gate.let_in] == [kept]
    assert reports.lost == lost
    with pytest.raises(NotAccepted, match="2 messages"):
        client.close(SOON)


def test_a_stopped_event_loop_reports_its_messages(connected: Client, reports: Reports) -> None:
    """By a callback of its own, for instance."""
    client = BufferingClient(connected, flush_at=1, on_error=reports.on_error)

    def stop(outcome: Outcome) -> None:
        reports.outcomes.append(outcome)
        asyncio.get_running_loop().stop()

    track(client, callback=stop)
    client.flush(SOON)
    ids = track(client, 2)
    with pytest.raises(NotAccepted):
        client.close(SOON)
    assert set(reports.lost) <= set(ids)


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), MemoryError()])
def test_callbacks_that_raise_base_exceptions_end_nothing(
    connected: Client, gate: Gate, reports: Reports, error: BaseException
) -> None:
    """`sys.exit()` in a callback or in `on_error` ends nothing, and hides nothing."""

    def callback(outcome: Outcome) -> None:
        reports.outcomes.append(outcome)
        raise error

    def on_error(reason: Exception, messages: list[Any]) -> None:
        reports.on_error(reason, messages)
        raise error

    gate.refuse(refusal())
    client = BufferingClient(connected, flush_interval=NEVER, on_error=on_error)
    refused = track(client, callback=callback)
    client.flush(SOON)
    kept = track(client, 2, callback=callback)
    client.close(SOON)

    assert [outcome.message_id for outcome in reports.outcomes] == refused + kept
    assert reports.lost == refused
    assert [start.ids for start in gate.let_in] == [kept]


class RaisingHandler(logging.Handler):
    """A handler of a log that raises."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise."""
        raise OSError(record.name)


def test_a_log_handler_that_raises_ends_nothing(
    connected: Client, gate: Gate, reports: Reports
) -> None:
    """It costs its lines, and nothing else."""
    log, broken = logging.getLogger("durable_analytics.buffering"), RaisingHandler()
    log.addHandler(broken)
    try:
        gate.refuse(refusal(RPCStatusCode.UNAVAILABLE), refusal())
        client = BufferingClient(connected, flush_interval=NEVER, on_error=reports.on_error)
        refused = track(client)
        client.flush(SOON)
        kept = track(client)
        client.close(SOON)
    finally:
        log.removeHandler(broken)

    assert reports.lost == refused
    assert gate.let_in[-1].ids == kept


@pytest.mark.parametrize(
    "place", ["threading.Thread.start", "asyncio.new_event_loop"], ids=["thread", "loop"]
)
def test_a_thread_that_cannot_be_started_reports_its_messages(
    *, connected: Client, reports: Reports, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """As at Python's own end since 3.12, where the first call came too late (cpython 113964)."""

    def no_thread(*_: Any) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    client = BufferingClient(connected, on_error=reports.on_error)
    with monkeypatch.context() as broken:
        broken.setattr(place, no_thread)
        ids = track(client, 1, callback=reports.outcomes.append)
        assert reports.lost == ids
    assert_lost(client, reports, ids)


def test_an_on_error_that_enqueues_again_does_not_recurse(
    connected: Client, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An `on_error` that tries again does so once, and what it enqueued goes out later."""
    again: list[str] = []

    def on_error(_: Exception, messages: list[Any]) -> None:
        again.extend(track(client, len(messages)))

    def no_thread(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    client = BufferingClient(connected, on_error=on_error)
    with monkeypatch.context() as broken:
        broken.setattr("threading.Thread.start", no_thread)
        track(client)
    assert len(again) == 1
    with pytest.raises(NotAccepted):
        client.flush(SOON)

    assert [start.ids for start in gate.let_in] == [again]
    with pytest.raises(NotAccepted):
        client.close(SOON)
