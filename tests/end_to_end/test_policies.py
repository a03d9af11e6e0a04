"""Policies: each field reaches Temporal, in the right precedence, and the output shows them."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import settings_for, settings_with
from tests.worker.deliveries import own_worker, start
from worker import register

TRACK: Json = {"track": {"user_id": "u-1", "event": "E"}}

EVERY_FIELD: Json = {
    "single_attempt_timeout": "PT2S",
    "total_timeout": 60,
    "queue_timeout": "PT30S",
    "heartbeat_timeout": "PT10S",
    "retry_policy": {
        "initial_interval": "PT2S",
        "backoff_coefficient": 1.5,
        "maximum_interval": "PT9S",
        "maximum_attempts": 4,
        "non_retryable_error_types": ["RateLimited"],
    },
}


async def scheduled(temporal: Client, workflow_id: str) -> Any:
    """What the workflow asked of Temporal for its request."""
    handle = temporal.get_workflow_handle(workflow_id)
    (event,) = [
        e
        async for e in handle.fetch_history_events()
        if e.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    return event.activity_task_scheduled_event_attributes


async def test_every_field_is_applied_and_shown(execute: Execute, temporal: Client) -> None:
    """The history and the output agree; the heartbeat timeout is accepted and not applied."""
    workflow_id = f"policy-{uuid.uuid4()}"
    output = await execute("Track", {**TRACK, "policies": {"request": EVERY_FIELD}}, id=workflow_id)

    assert output["policies"]["request"] == {**EVERY_FIELD, "total_timeout": "PT1M"}
    asked = await scheduled(temporal, workflow_id)
    assert asked.start_to_close_timeout.ToJsonString() == "2s"
    assert asked.schedule_to_close_timeout.ToJsonString() == "60s"
    assert asked.schedule_to_start_timeout.ToJsonString() == "30s"
    assert asked.heartbeat_timeout.ToJsonString() == "0s"
    assert asked.retry_policy.initial_interval.ToJsonString() == "2s"
    assert asked.retry_policy.backoff_coefficient == 1.5
    assert asked.retry_policy.maximum_interval.ToJsonString() == "9s"
    assert asked.retry_policy.maximum_attempts == 4
    assert list(asked.retry_policy.non_retryable_error_types) == ["RateLimited"]


async def test_the_defaults(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """3 s an attempt, 24 h in all, 1 s doubling to 60 s, unlimited; the output shows them."""
    async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
        handle = await start(temporal, task_queue)
        output = await handle.result()

    assert output["policies"] == {
        "request": {
            "single_attempt_timeout": "PT3S",
            "total_timeout": "P1D",
            "queue_timeout": None,
            "heartbeat_timeout": None,
            "retry_policy": {
                "initial_interval": "PT1S",
                "backoff_coefficient": 2.0,
                "maximum_interval": "PT1M",
                "maximum_attempts": 0,
                "non_retryable_error_types": [],
            },
        }
    }
    asked = await scheduled(temporal, handle.id)
    assert asked.start_to_close_timeout.ToJsonString() == "3s"
    assert asked.schedule_to_close_timeout.ToJsonString() == "86400s"
    assert asked.retry_policy.initial_interval.ToJsonString() == "1s"
    assert asked.retry_policy.backoff_coefficient == 2
    assert asked.retry_policy.maximum_interval.ToJsonString() == "60s"
    assert asked.retry_policy.maximum_attempts == 0


async def test_non_retryable_types_end_it(execute: Execute, standin: StandIn) -> None:
    """A policy may give up where we would go on."""
    standin.script("segment", {"status": 500})
    retry = {"non_retryable_error_types": ["Unavailable"]}

    output = await execute("Track", {**TRACK, "policies": {"request": {"retry_policy": retry}}})

    assert output["error"]["type"] == "Unavailable"
    assert len(standin.requests) == 1


@pytest.mark.parametrize(
    ("request_policy", "path"),
    [
        ({"single_attempt_timeout": -1}, "single_attempt_timeout"),
        ({"single_attempt_timeout": 0, "total_timeout": 0}, "single_attempt_timeout"),
        ({"total_timeout": "3 days"}, "total_timeout"),
        ({"total_timeout": "P100Y"}, "total_timeout"),
        ({"total_timeout": True}, "total_timeout"),
        ({"queue_timeout": "PT"}, "queue_timeout"),
        ({"retries": 3}, "retries"),
        ({"retry_policy": {"backoff_coefficient": 0.5}}, "retry_policy.backoff_coefficient"),
        ({"retry_policy": {"maximum_attempts": -1}}, "retry_policy.maximum_attempts"),
        ({"retry_policy": {"maximum_attempts": 1.5}}, "retry_policy.maximum_attempts"),
        ({"retry_policy": {"initial_interval": "PT2M"}}, "retry_policy.maximum_interval"),
        (
            {"retry_policy": {"initial_interval": 5, "maximum_interval": 4}},
            "retry_policy.maximum_interval",
        ),
        (
            {"retry_policy": {"non_retryable_error_types": ["TemporalTimeout:x"]}},
            "retry_policy.non_retryable_error_types.0",
        ),
        (
            {"retry_policy": {"non_retryable_error_types": ["x" * 101]}},
            "retry_policy.non_retryable_error_types.0",
        ),
        (
            {"retry_policy": {"non_retryable_error_types": [1]}},
            "retry_policy.non_retryable_error_types.0",
        ),
    ],
)
async def test_invalid_policies_are_refused(
    execute: Execute, standin: StandIn, request_policy: Json, path: str
) -> None:
    """Before anything is sent, by the path of the field."""
    output = await execute("Track", {**TRACK, "policies": {"request": request_policy}})

    assert output["error"]["type"] == "ValidationError"
    assert f"policies.request.{path}" in [f["path"] for f in output["error"]["fields"]]
    assert standin.requests == []


@pytest.fixture
async def bounded_queue(temporal: Client, standin: StandIn) -> AsyncIterator[str]:
    """A worker whose integration brings policies, and lets no input override them."""
    base = settings_for(standin).integrations["segment"]
    account = {
        "base_url": base.provider.base_url,
        **standin.vendors["segment"].credentials,
        "policies": {"request": {"retry_policy": {"maximum_attempts": 2}}},
    }
    settings = settings_for(standin, task_queue="bounded", integrations={"segment": account})
    async with Worker(temporal, task_queue="bounded", plugins=[register(settings)]):
        yield "bounded"


async def test_an_override_that_is_not_allowed_is_ignored(
    bounded_queue: str, temporal: Client, standin: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """The output shows what was applied, field by field; the log has a warning."""
    request = {"total_timeout": "PT1H", "retry_policy": {"maximum_attempts": 9}}

    output = await temporal.execute_workflow(
        "Track",
        {**TRACK, "policies": {"request": request}},
        id=f"policy-{uuid.uuid4()}",
        task_queue=bounded_queue,
        result_type=dict,
    )

    applied = output["policies"]["request"]
    assert applied["total_timeout"] == "P1D"
    assert applied["retry_policy"]["maximum_attempts"] == 2
    assert applied["retry_policy"]["initial_interval"] == "PT1S"
    assert "policies of the input ignored" in caplog.text
    assert len(standin.requests) == 1


@pytest.mark.parametrize("workflow", ["Track", "Batch"])
async def test_the_limits_of_an_integration_are_applied_and_named(
    temporal: Client, standin: StandIn, task_queue: str, workflow: str
) -> None:
    """The history and the output have the limit, whatever the input asks for."""
    account = standin.vendors["segment"].integration_settings(standin.base_url("segment"))
    limits = {"policy_limits": {"total_timeout": "PT1H"}}
    settings = settings_with(standin, task_queue, **account, **limits)
    long = {"policies": {"request": {"total_timeout": "PT2H"}}}
    message = {"messages": [{"type": "track", **TRACK["track"]}]} if workflow == "Batch" else TRACK

    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        output = await temporal.execute_workflow(
            workflow, {**message, **long}, id=task_queue, task_queue=task_queue
        )

    assert output["status"] == "success"
    assert output["policies"]["limited"] == ["total_timeout"]
    assert output["policies"]["request"]["total_timeout"] == "PT1H"
    assert (await scheduled(temporal, task_queue)).schedule_to_close_timeout.seconds in (3599, 3600)
