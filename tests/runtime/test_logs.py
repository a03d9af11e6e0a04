"""Log lines: JSON, what an operator needs, no user data and no secret."""

import json
import logging
import signal
from collections.abc import Iterator

import pytest
from temporalio.client import Client

from durable_analytics.testing import VENDORS, StandIn
from runtime import logs
from tests.support.json_objects import Json
from tests.support.worker_settings import QUICK_RETRIES, settings_for
from tests.worker.deliveries import UNLIKELY, USER_DATA, outcome, own_worker, start
from tests.worker.processes import worker_process


@pytest.fixture
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


async def test_lines_of_a_worker(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """A line an attempt, a refusal and an outcome, each one JSON; nothing private in any."""
    standin.script("segment", {"status": 500, "body": "u-7f3a segment-write-key"}, {"drop": True})
    bad = {**UNLIKELY, "event": "", "unlikely_typo": "unlikely-value"}

    async with worker_process(
        temporal, standin, task_queue, ANALYTICS_LOG_FORMAT="json", ANALYTICS_LOG_LEVEL="DEBUG"
    ) as worker:
        delivered = await start(temporal, task_queue, policies=QUICK_RETRIES)
        output = await outcome(delivered)
        assert output["status"] == "success"
        refused = await start(temporal, task_queue, bad)
        assert (await outcome(refused))["status"] == "failure"
        standin.script("segment", {"status": 400, "body": "u-7f3a segment-write-key"})
        rejected = await start(temporal, task_queue)
        rejection = await outcome(rejected)
        surplus = await temporal.start_workflow(
            "Track", args=[UNLIKELY, UNLIKELY], id=f"{task_queue}-2", task_queue=task_queue
        )
        await outcome(surplus)
        worker.process.send_signal(signal.SIGTERM)
        await worker.ended()

    lines: list[Json] = [json.loads(line) for line in worker.lines]
    secrets = [secret for vendor in VENDORS.values() for secret in vendor.credentials.values()]
    private = (*USER_DATA, *secrets)
    assert [line for line in worker.lines if any(part in line for part in private)] == []
    for line in lines:
        assert {"event", "level", "logger", "timestamp"} <= line.keys()

    def lines_of(workflow_id: str) -> list[Json]:
        ours = [line for line in lines if line.get("workflow_id") == workflow_id]
        varying = ("timestamp", "milliseconds", "run_id", "logger")
        assert [type(line["milliseconds"]) for line in ours if "attempt" in line] == [
            int for line in ours if "attempt" in line
        ]
        return [{k: v for k, v in line.items() if k not in varying} for line in ours]

    def attempt(workflow_id: str, message_id: str, **more: object) -> Json:
        ids = {"workflow_id": workflow_id, "message_id": message_id}
        return {"integration": "segment", "method": "track", **ids, **more}

    first, warning = output["track"]["message_id"], {"event": "attempt failed", "level": "warning"}
    unavailable = {**warning, "error": "Unavailable"}
    answered = {**unavailable, "reason": "Segment answered 500"}
    dropped = {**unavailable, "reason": "127.0.0.1 closed the connection without a response"}
    assert lines_of(delivered.id) == [
        attempt(delivered.id, first, attempt=1, status=500, **answered),
        attempt(delivered.id, first, attempt=2, status=None, **dropped),
        attempt(delivered.id, first, attempt=3, status=200, event="delivered", level="info"),
    ]
    assert lines_of(refused.id) == [
        {
            "event": "refused",
            "level": "warning",
            "workflow_id": refused.id,
            "integration": "segment",
            "method": "track",
            "error": "ValidationError",
            "fields": ["track.event", "track.unlikely_typo"],
        }
    ]
    last = rejection["track"]["message_id"]
    assert lines_of(rejected.id) == [
        attempt(
            rejected.id,
            last,
            attempt=1,
            status=400,
            error="Rejected",
            reason="Segment answered 400",
            **warning,
        )
    ]


async def test_refused_messages_of_a_batch(
    temporal: Client, standin: StandIn, task_queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A line says where to look, since the execution itself has not failed."""
    good = {"type": "track", "user_id": "u-7f3a", "event": "E"}
    data = {"integration": "segment", "messages": [good, {**good, "event": ""}, None]}

    caplog.set_level("INFO")
    async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
        output = await temporal.execute_workflow(
            "Batch", data, id=task_queue, task_queue=task_queue
        )

    assert output["status"] == "partial"
    assert "u-7f3a" not in str([record.__dict__ for record in caplog.records])
    (refused,) = [r for r in caplog.records if r.getMessage() == "messages refused"]
    assert (refused.levelname, refused.name) == ("WARNING", "durable_analytics.validation")
    usual = {*logging.makeLogRecord({}).__dict__, "message"}
    facts = {name: value for name, value in refused.__dict__.items() if name not in usual}
    assert facts == {
        "workflow_id": task_queue,
        "integration": "segment",
        "method": "batch",
        "rejected": 2,
        "fields": ["messages.1.event", "messages.2"],
    }


@pytest.mark.usefixtures("_own_logging")
def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Every logger of the process, exceptions included, one line each."""
    logs.configure("json", "INFO")

    logging.getLogger("any.library").info("said %s", "something", extra={"count": 3})
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError:
        logging.getLogger("any.library").exception("failed")
    logging.getLogger("any.library").debug("not shown")

    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    del first["timestamp"]
    assert first == {
        "event": "said something",
        "level": "info",
        "logger": "any.library",
        "count": 3,
    }
    assert (second["event"], second["level"]) == ("failed", "error")
    assert second["exception"].startswith("Traceback")


@pytest.mark.usefixtures("_own_logging")
def test_columns_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """The same facts, not as JSON."""
    logs.configure("console", "INFO")

    logging.getLogger("any.library").warning("said", extra={"attempt": 3})

    (line,) = capsys.readouterr().err.splitlines()
    assert not line.startswith("{")
    assert [part for part in ("said", "attempt", "3", "warning") if part not in line] == []


@pytest.mark.usefixtures("_own_logging")
def test_auto_is_json_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard error is no terminal here."""
    logs.configure("auto", "WARNING")

    logging.getLogger("any.library").info("not shown")
    logging.getLogger("httpx").info("https://provider.example.com/users/u-7f3a")
    logging.getLogger("any.library").warning("shown")

    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "shown"


@pytest.mark.usefixtures("_own_logging")
def test_addresses_of_requests_are_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """They hold user ids at some providers."""
    logs.configure("json", "DEBUG")

    logging.getLogger("httpx").info("HTTP Request: GET https://provider.example.com/users/u-7f3a")
    logging.getLogger("httpcore.http11").debug("send_request_headers /users/u-7f3a")

    assert capsys.readouterr().err == ""
