"""A batch at a provider without an endpoint for batches: a request a message, each settled once."""

import uuid
from typing import Any

import pytest
from temporalio.client import Client

from durable_analytics.providers import HttpResponse
from durable_analytics.providers.trakio import Trakio
from durable_analytics.testing import StandIn
from tests.support.batches import BAD, TRACK, numbered, start_batch, told
from tests.support.hooks import Heard
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import QUICK_RETRIES, settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import IntegrationSettings, Settings


def at_trakio(messages: list[Json], **policy: Any) -> Json:
    """An input whose attempts follow one another at once."""
    retry = {**QUICK_RETRIES["request"]["retry_policy"], **policy.pop("retry_policy", {})}
    request = {"retry_policy": retry, **policy}
    return {"integration": "trakio", "policies": {"request": request}, "messages": messages}


def people(standin: StandIn) -> list[str]:
    """Whom each request was about, in the order of their arrival."""
    return [request["body"]["data"]["distinct_id"] for request in standin.requests]


def sums_up(output: Json) -> int:
    """How many messages an output accounts for, each once."""
    rejected = [one["index"] for one in output["rejected"]]
    assert len(rejected) == len(set(rejected))
    count: int = output["accepted"] + len(rejected)
    return count


async def test_in_order_for_each_user(execute: Execute, standin: StandIn) -> None:
    """However long the first request takes, the same user's next waits for it."""
    standin.script("trakio", {"delay": 0.3})
    messages = [
        {"type": "track", "user_id": f"u-{number % 3}", "event": f"E {number}"}
        for number in range(30)
    ]

    output = await execute("Batch", at_trakio(messages))

    assert (output["status"], output["accepted"]) == ("success", 30)
    events = [
        (request["body"]["data"]["distinct_id"], request["body"]["data"]["event"])
        for request in standin.requests
    ]
    for user in ("u-0", "u-1", "u-2"):
        assert [event for who, event in events if who == user] == [
            message["event"] for message in messages if message["user_id"] == user
        ]


async def test_an_alias_keeps_both_ids_in_order(execute: Execute, standin: StandIn) -> None:
    """What comes before an alias arrives before it, under either id, and what follows after it."""
    standin.script("trakio", {"delay": 0.3})
    messages: list[Json] = [
        {"type": "identify", "anonymous_id": "a"},
        {"type": "track", "user_id": "c", "event": "Before"},
        {"type": "alias", "previous_user_id": "a", "new_user_id": ["b", "c"]},
        {"type": "track", "user_id": "b", "event": "After"},
    ]

    await execute("Batch", at_trakio(messages))

    assert people(standin) == ["a", "c", "a", "b"]


async def test_a_refused_message_harms_no_other(execute: Execute, standin: StandIn) -> None:
    """It is told by its index, and the same user's next is still sent."""
    standin.script("trakio", {}, {"status": 400})
    messages = [BAD, *numbered(3, user_id="u")]

    output = await execute("Batch", at_trakio(messages))

    assert (output["status"], output["accepted"]) == ("partial", 2)
    assert told(output) == {0: ("ValidationError", None), 2: ("Rejected", "m-1")}
    assert people(standin) == ["u"] * 3
    assert len(output["responses"]) == 1


async def test_the_next_attempt_goes_on_after_what_is_settled(
    execute: Execute, standin: StandIn
) -> None:
    """Neither what was accepted nor what was refused is sent again."""
    messages = [*numbered(4, user_id="u"), {**TRACK, "user_id": "other"}]
    standin.script("trakio", {"delay": 0.2}, {}, {"status": 400}, {"status": 503})

    output = await execute("Batch", at_trakio(messages))

    assert sorted(people(standin)) == ["other", *["u"] * 5]
    assert output["accepted"] == 4
    assert told(output) == {1: ("Rejected", "m-1")}


@pytest.mark.parametrize(
    ("policy", "failing"),
    [
        ({"retry_policy": {"maximum_attempts": 2}}, {"status": 503, "body": "busy"}),
        ({"retry_policy": {"non_retryable_error_types": ["Unavailable"]}}, {"status": 500}),
        ({"total_timeout": "PT1S"}, {"status": 503, "body": "busy"}),
        ({"total_timeout": "PT2S", "single_attempt_timeout": "PT0.5S"}, {"delay": 60}),
        ({"retry_policy": {"maximum_attempts": 1}}, {"drop": True}),
    ],
)
async def test_when_the_policy_runs_out(
    execute: Execute, standin: StandIn, policy: Json, failing: Json
) -> None:
    """What was settled before counts; the rest is told with the last failure."""
    standin.script("trakio", {}, {"status": 400}, *[failing] * 30)
    messages = numbered(4, user_id="u")

    output = await execute("Batch", at_trakio(messages, **policy))

    assert (output["status"], output["accepted"]) == ("partial", 1)
    assert {index: kind for index, (kind, _) in told(output).items()} == {
        1: "Rejected",
        2: "Unavailable",
        3: "Unavailable",
    }


async def test_the_last_answer_is_told(execute: Execute, standin: StandIn) -> None:
    """As of a single message: what the provider said when the policy ran out."""
    standin.script("trakio", {"status": 503, "body": "closed for repairs"})
    policy = {"retry_policy": {"maximum_attempts": 1}}

    output = await execute("Batch", at_trakio(numbered(1), **policy))

    assert output["error"]["type"] == "Unavailable"
    assert [response["body"] for response in output["responses"]] == ["closed for repairs"]


async def test_wrong_credentials_stop_it(execute: Execute, standin: StandIn) -> None:
    """They are wrong for all: no further message is tried."""
    standin.script("trakio", {}, {"status": 401})
    messages = numbered(20, user_id="u")

    output = await execute("Batch", at_trakio(messages))

    assert (output["status"], output["accepted"]) == ("partial", 1)
    assert {kind for kind, _ in told(output).values()} == {"Unauthorized"}
    assert sums_up(output) == 20
    assert len(standin.requests) == 2


async def test_each_message_is_counted_once(execute: Execute, standin: StandIn) -> None:
    """Those too that were in flight when another's credentials were refused."""
    standin.script("trakio", {"status": 401}, {"delay": 0.3}, {"delay": 0.3})

    output = await execute("Batch", at_trakio(numbered(3)))

    assert sums_up(output) == 3
    assert output["accepted"] == 2


async def test_its_timeouts_fit_its_messages(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """An attempt has the time of one for each message; a worker that goes silent is seen soon."""
    data = at_trakio([*numbered(5), BAD], single_attempt_timeout="PT2S")
    handle = await start_batch(temporal, running_worker.task_queue, data)
    await handle.result()

    (scheduled,) = [
        event.activity_task_scheduled_event_attributes
        async for event in handle.fetch_history_events()
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert scheduled.start_to_close_timeout.ToSeconds() == 10
    assert scheduled.heartbeat_timeout.ToSeconds() == 10
    assert len(standin.requests) == 5


class Breaks(Trakio):
    """Stumbles over some answers."""

    def classify(self, response: HttpResponse) -> None:
        """See base class."""
        if response.body == "odd":
            raise ZeroDivisionError


async def test_a_bug_of_the_providers_author_loses_nothing(
    temporal: Client, standin: StandIn
) -> None:
    """What was accepted before stays so, and the failure names the bug."""
    queue = f"test-{uuid.uuid4()}"
    given = settings_for(standin).integrations["trakio"].provider
    account = IntegrationSettings(provider=Breaks(**dict(given)), allow_policies_override=True)
    settings = settings_for(
        standin,
        task_queue=queue,
        integrations={"trakio": account},
        default_integration="trakio",
    )
    standin.script("trakio", {}, *[{"status": 200, "body": "odd"}] * 2)
    messages = numbered(2, user_id="u")

    async with own_worker(temporal, settings):
        policy = {"retry_policy": {"maximum_attempts": 2}}
        handle = await start_batch(temporal, queue, at_trakio(messages, **policy))
        output = await outcome(handle)

    assert output["accepted"] == 1
    assert told(output) == {1: ("Internal", "m-1")}
    assert "ZeroDivisionError" in output["rejected"][0]["error"]["message"]
    assert len(standin.requests) == 3


@pytest.mark.parametrize("integration", ["segment", "trakio"])
@pytest.mark.parametrize(
    ("status", "error", "tried"), [(503, "Unavailable", 2), (401, "Unauthorized", 1)]
)
async def test_hooks_hear_of_each_attempt(
    temporal: Client, standin: StandIn, integration: str, status: int, error: str, tried: int
) -> None:
    """Of the last one too, and of the execution."""
    attempts, executions = Heard(), Heard()
    queue = f"test-{uuid.uuid4()}"
    settings = settings_for(
        standin, task_queue=queue, on_attempt_failed=attempts, on_execution_failed=executions
    )
    standin.script(integration, *[{"status": status}] * tried)
    data = at_trakio([TRACK], retry_policy={"maximum_attempts": 2})

    async with own_worker(temporal, settings):
        handle = await start_batch(temporal, queue, {**data, "integration": integration})
        await outcome(handle)
        (execution,) = await executions.wait_for(1)
        heard = list(attempts.events)

    assert (execution.method, execution.error) == ("batch", error)
    assert execution.workflow_id == handle.id
    told_of = [(event.method, event.attempt, event.status, event.error) for event in heard]
    assert told_of == [("batch", number + 1, status, error) for number in range(tried)]
