"""Records the histories that test_replay replays: `python -m tests.workflows.record [NAME …]`.

Run it for the new cases when a method is added. Never to mend a failing replay: that failure says
that executions in flight would break on the next deploy. The histories of earlier releases stay as
they are: this release would record others.
"""

import asyncio
import contextlib
import sys
import uuid
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.queue_limits import SetLimit
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.programs import TEMPORAL
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import own_process
from worker import register

ROOT = Path(__file__).parents[2]
HISTORIES = Path(__file__).parent / "histories"

TRACK: Json = {"integration": "segment", "track": {"user_id": "u-1", "event": "Signed Up"}}

GOOD: list[Json] = [
    {"type": "identify", "user_id": "u-1", "traits": {"plan": "pro"}},
    {"type": "track", "user_id": "u-1", "event": "Signed Up"},
    {"type": "page", "user_id": "u-1", "name": "Home"},
]

CASES: dict[str, tuple[str, Json]] = {
    "identify": ("Identify", {"identify": {"user_id": "u-1", "traits": {"plan": "pro"}}}),
    "track": ("Track", TRACK),
    "group": ("Group", {"group": {"user_id": "u-1", "group_id": "g-1"}}),
    "alias": ("Alias", {"alias": {"previous_user_id": "a-1", "new_user_id": "u-1"}}),
    "page": ("Page", {"page": {"user_id": "u-1", "name": "Home"}}),
    "screen": ("Screen", {"screen": {"user_id": "u-1", "name": "Home"}}),
    "delete": ("Delete", {"delete": {"user_id": "u-1"}}),
    "annotate": ("Annotate", {"integration": "trakio", "annotate": {"event": "Deployed"}}),
    "metric": (
        "Metric",
        {"integration": "trophy", "metric": {"key": "words", "user": {"id": "u-1"}, "value": 1}},
    ),
    "call": ("Call", {"call": {"method": "POST", "path": "/v1/track", "body": {"userId": "u-1"}}}),
    "batch": ("Batch", {"messages": [*GOOD, {"type": "track", "user_id": "u-1"}]}),
    "batch-refused": ("Batch", {"messages": [{"type": "track", "user_id": "u-1"}]}),
    "batch-split": ("Batch", {"messages": GOOD}),
    "batch-sliced": ("Batch", {"messages": [*GOOD, {"type": "delete", "user_id": "u-1"}]}),
    "batch-one-by-one": ("Batch", {"integration": "trakio", "messages": GOOD}),
    "batch-send": ("Batch", {"messages": [*GOOD, {"type": "delete", "user_id": "u-1"}, *GOOD]}),
    "batch-send-split": ("Batch", {"messages": GOOD}),
    "batch-send-retried": ("Batch", {"messages": [*GOOD, {"type": "delete", "user_id": "u-1"}]}),
    "batch-send-failed": (
        "Batch",
        {
            "policies": {"request": {"retry_policy": {"maximum_attempts": 1}}},
            "messages": [{"type": "delete", "user_id": "u-1"}, *GOOD],
        },
    ),
    "batch-send-one-by-one": ("Batch", {"integration": "trakio", "messages": GOOD}),
    "refused": ("Track", {"track": {"user_id": "u-1"}}),
    "retried": ("Track", TRACK),
    "rejected": ("Track", TRACK),
    "cancelled": ("Track", TRACK),
    "held": ("Track", TRACK),
    "held-expired": ("Track", {**TRACK, "policies": {"request": {"total_timeout": "PT3S"}}}),
    "batch-send-held": ("Batch", {"messages": GOOD}),
    "filtered": ("Track", {"track": {**TRACK["track"], "integrations": {"All": False}}}),
    "batch-filtered": (
        "Batch",
        {"messages": [*GOOD, {**GOOD[0], "integrations": {"All": False}}]},
    ),
    "fan-out": ("Track", {"deliver_to": ["segment", "trakio", "trophy"], "track": TRACK["track"]}),
    "fan-out-failed": ("Track", {"deliver_to": ["segment"], "track": TRACK["track"]}),
    "batch-fan-out": ("Batch", {"deliver_to": ["segment", "trakio", "trophy"], "messages": GOOD}),
    "integration": ("Integration", {}),
    "integration-breaker-by-age": ("Integration", {}),
    "integration-breaker": ("Integration", {}),
    "integration-events": ("Integration", {}),
    "integration-probe": ("Integration", {}),
    "integration-probe-earlier": ("Integration", {}),
}
"""By the file's name: the workflow type and its input."""

EARLIER = {
    *("batch", "batch-split", "batch-sliced", "batch-one-by-one"),
    "integration-probe-earlier",
}
"""The cases that an earlier release recorded: with a `Batch.Request` for each slice, and with a
rate for the task queue while the integration probes."""

HELD: dict[str, int] = {"held": 4, "held-expired": 20, "batch-send-held": 4}
"""The cases that a worker holds back before their second attempt, with the seconds of the
`Retry-After` that another message gets."""

WITH_OPERATOR_EVENTS = {"integration-events"}
"""The cases of a worker whose operators get events at a webhook."""

SCRIPTS: dict[str, list[Json]] = {
    "batch-send-split": [{"status": 413}],
    "batch-send-retried": [{"status": 500}],
    "batch-send-failed": [{"status": 503}],
    "retried": [{"status": 500}],
    "rejected": [{"status": 400}],
    "fan-out": [{"status": 500}],
    "fan-out-failed": [{"status": 400}],
    "batch-fan-out": [{"status": 500}],
    "cancelled": [{"status": 500}] * 9,
}


FAILING = {"by": "breaker", "reason": "20 of 20 attempts failed", "seconds": 1}

SIGNALS: dict[str, list[tuple[str, Json]]] = {
    "integration-events": [
        ("report", FAILING),
        ("report", {"by": "breaker", "event": "recovered"}),
    ],
    "integration": [
        (
            "command",
            {"id": "1", "pause": {"reason": "maintenance", "by": "Ann", "for": "PT1H"}},
        ),
        ("command", {"id": "2", "resume": {}}),
    ],
    "integration-breaker-by-age": [
        ("report", FAILING),
        ("report", FAILING),
        ("report", {"by": "breaker", "event": "recovered"}),  # too early
        ("report", {"by": "breaker", "event": "recovered"}),
    ],
    "integration-probe-earlier": [
        ("report", FAILING),
        ("report", {"by": "breaker", "event": "probing", "seconds": 8}),  # was ignored
        ("report", {"by": "breaker", "event": "recovered"}),
    ],
    "integration-probe": [
        ("report", FAILING),
        ("report", {"by": "breaker", "event": "probing", "seconds": 0.5}),  # without a result
        ("report", {"by": "breaker", "event": "probing", "seconds": 8}),
        ("report", FAILING),
        ("report", {"by": "breaker", "event": "probing", "seconds": 8}),  # too early
        ("report", {"by": "breaker", "event": "probing", "seconds": 8}),
        ("report", {"by": "breaker", "event": "recovered"}),
    ],
    "integration-breaker": [
        ("report", FAILING),
        ("report", FAILING),
        ("report", {"by": "credentials", "reason": "401", "seconds": 600, "credentials": "a"}),
        ("report", {"by": "credentials", "event": "started", "credentials": "b"}),
        ("report", {"by": "breaker", "event": "recovered"}),
    ],
}
"""The signals that an execution gets, a second and a half apart."""


async def main() -> None:
    """Run every case and write its history."""
    async with (
        StandIn() as standin,
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=TEMPORAL, dev_server_log_level="error"
        ) as environment,
    ):
        settings = settings_for(standin)
        target = environment.client.service_client.config.target_host
        client = await Client.connect(target, identity="recorder")
        with_events = settings_for(
            standin, task_queue="analytics-events", operator_webhook="webhook"
        )
        async with AsyncExitStack() as workers:
            for one in (settings, with_events):
                await workers.enter_async_context(
                    Worker(
                        client,
                        task_queue=one.task_queue,
                        plugins=[register(one)],
                        identity="worker",
                    )
                )
            for name in sys.argv[1:] or sorted(CASES.keys() - EARLIER):
                if name in HELD:
                    await record_held(client, standin, name)
                    continue
                workflow, data = CASES[name]
                standin.clear()
                standin.script("segment", *SCRIPTS.get(name, []))
                queue = (
                    with_events.task_queue if name in WITH_OPERATOR_EVENTS else settings.task_queue
                )
                handle = await client.start_workflow(
                    workflow, data, id=f"{name}-{uuid.uuid4()}", task_queue=queue
                )
                for signal, argument in SIGNALS.get(name, []):
                    await handle.signal(signal, argument)
                    await asyncio.sleep(1.5)
                if name == "cancelled":
                    await standin.wait_for(1)
                    await handle.cancel()
                await write(handle, name)


async def record_held(client: Client, standin: StandIn, name: str) -> None:
    """Run a case that a worker holds back several times.

    Temporal would hold its task queue, so the worker is one of a server without such limits.
    """
    workflow, data = CASES[name]
    settings = settings_for(standin, task_queue=f"analytics-{name}")
    standin.clear()
    asked = {"status": 429, "headers": {"Retry-After": f"{HELD[name]}"}}
    standin.script("segment", {"status": 503}, asked)
    with mock.patch.object(SetLimit, "__call__", without_limits):
        async with own_process(client, settings):
            queue = settings.task_queue
            handle = await client.start_workflow(
                workflow, data, id=f"{name}-{uuid.uuid4()}", task_queue=queue
            )
            await standin.wait_for(1)
            await client.start_workflow("Track", TRACK, id=f"other-{name}", task_queue=queue)
            await write(handle, name)


async def without_limits(_: SetLimit, _task_queue: str, _reason: str | None) -> bool:
    """Set no limit, as on a server that has none."""
    return False


async def write(handle: WorkflowHandle[Any, Any], name: str) -> None:
    """Wait for the end of an execution, and write its history."""
    with contextlib.suppress(WorkflowFailureError):
        await handle.result()
    history = await handle.fetch_history()
    # Stack traces hold the paths of whoever records.
    text = history.to_json().replace(f"{ROOT}/", "./").replace(f"{sys.base_prefix}/", "")
    (HISTORIES / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    asyncio.run(main())
