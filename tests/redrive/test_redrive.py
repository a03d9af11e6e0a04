"""Redrive: failed messages arrive with their first id and timestamp, and each arrives once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic_core import to_json
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics.redrive.carried import CarriedMessage, load
from durable_analytics.redrive.failures import list_failed
from durable_analytics.redrive.filters import Filters
from durable_analytics.redrive.names import MEMO_KEY, Origin, redrive_id, redrive_prefix
from durable_analytics.redrive.redrive import Options, Redrive, Report
from durable_analytics.temporal.codecs import data_converter
from durable_analytics.testing import StandIn
from tests.support.batches import BAD, numbered
from tests.support.delivered import messages
from tests.support.failed_deliveries import (
    ONE_ATTEMPT,
    accepted_ids,
    closed,
    fail_track,
    redrive,
    redriven,
    run,
    track,
    unique,
)
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from worker import register

pytestmark = pytest.mark.slow


async def test_a_single_message_keeps_its_id_and_its_timestamp(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    await fail_track(temporal, standin, queue)
    (first,) = [request["body"] for request in standin.requests]
    await closed(temporal, queue, 1)

    assert await redrive(temporal, queue) == redriven(1)

    (second,) = messages(standin)
    assert second["messageId"] == first["messageId"]
    assert second["timestamp"] == first["timestamp"]
    assert second == {**second, "event": "Signed Up", "userId": "u-0", "type": "track"}


async def test_a_message_whose_execution_timed_out(
    temporal: Client, task_queue: str, standin: StandIn
) -> None:
    """Its caller had limited its time, and no worker ran, twice: it is sent once."""
    data = {"track": track(message_id="m-late")}
    limit = timedelta(seconds=1)
    handle = await run(temporal, task_queue, "Track", data, execution_timeout=limit)
    await run(temporal, task_queue, "Track", data, id=handle.id, execution_timeout=limit)
    await closed(temporal, task_queue, 2)

    unavailable = Filters(type="Unavailable")
    failed, _ = [one async for one in list_failed(temporal, unavailable, task_queue)]
    plugin = register(settings_for(standin, task_queue=task_queue))
    async with Worker(temporal, task_queue=task_queue, plugins=[plugin]):
        report, again = await redrive(temporal, task_queue), await redrive(temporal, task_queue)

    assert (failed.workflow_id, failed.message) == (
        handle.id,
        "the execution has timed out, because its caller had limited its time",
    )
    assert (report, again) == (redriven(1, skipped=1), redriven(0, skipped=2))
    assert accepted_ids(standin) == ["m-late"]


async def test_a_redriven_message_is_otherwise_the_first(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    data = {
        "context": {"ip": "192.0.2.10", "app": {"name": "shop"}},
        "track": track(properties={"revenue": 3}, timestamp="2026-01-31T09:30:00Z"),
    }
    await fail_track(temporal, standin, queue, data)
    (first,) = [request["body"] for request in standin.requests]
    await closed(temporal, queue, 1)

    await redrive(temporal, queue)

    (second,) = messages(standin)
    assert {k: second.get(k) for k in first} == {**first, "sentAt": second.get("sentAt")}


async def test_request_options_are_kept(temporal: Client, queue: str, standin: StandIn) -> None:
    data = {
        "strict": False,
        "request_options": {"headers": {"X-Shop": "north"}},
        "context": {"ip": "192.0.2.10"},
        "track": track(message_id="m-1", context={"locale": "en"}),
    }
    await fail_track(temporal, standin, queue, data)
    await closed(temporal, queue, 1)

    assert await redrive(temporal, queue) == redriven(1)

    first, second = standin.requests
    assert second["path"] == first["path"]
    assert second["body"]["context"] == first["body"]["context"]
    assert second["headers"]["x-shop"] == "north"
    assert second["body"]["timestamp"] == first["body"]["timestamp"]


async def test_the_refused_part_of_a_batch_is_sent_alone(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """The first slice is accepted; the provider refuses the deletion, which has its own request."""
    good = numbered(2)
    late = {"type": "delete", "user_id": "u-9"}
    standin.script("segment", {}, {"status": 400})
    handle = await run(temporal, queue, "Batch", {"messages": [*good, late, BAD]})
    output = await handle.result()
    assert [one["index"] for one in output["rejected"]] == [2, 3]
    await closed(temporal, queue, 1)
    standin.requests.clear()

    report = await redrive(temporal, queue, type="Rejected")

    assert report == redriven(1)
    (request,) = standin.requests
    assert request["body"]["subjectIds"] == ["u-9"]


async def test_the_messages_of_a_batch_keep_the_ids_that_were_derived(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    standin.script("segment", {"status": 503})
    data = {
        "policies": ONE_ATTEMPT,
        "context": {"app": {"name": "shop"}},
        "messages": [
            {"type": "track", "userId": "u-1", "event": "A", "context": {"locale": "en"}},
            {"type": "identify", "userId": "u-1", "messageId": "m-own"},
        ],
    }
    await run(temporal, queue, "Batch", data)
    first = standin.requests[0]["body"]["batch"]
    await closed(temporal, queue, 1)

    assert await redrive(temporal, queue) == redriven(2)

    assert standin.requests[1]["body"]["batch"] == first


async def test_many_messages_share_an_execution(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    standin.script("segment", *[{"status": 401}] * 30)
    await asyncio.gather(
        *(run(temporal, queue, "Track", {"track": track(number)}) for number in range(30))
    )
    await closed(temporal, queue, 30)
    standin.requests.clear()

    assert await redrive(temporal, queue) == redriven(30)

    assert len(standin.requests) == 1
    assert len(set(accepted_ids(standin))) == 30
    query = f"WorkflowType = 'Batch' AND TaskQueue = '{queue}'"
    (execution,) = [execution async for execution in temporal.list_workflows(query)]
    assert execution.id.startswith(redrive_prefix(queue))
    memo = (await execution.memo())[MEMO_KEY]
    assert len(memo) == 30
    assert all(position == 0 for _, _, position in memo)


async def test_a_redrive_to_another_integration_leaves_out_what_that_has_no_field_for(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """Trophy has no timestamps."""
    data = {
        "integration": "nobody",
        "metric": {"key": "words", "user": {"id": "u-1"}, "value": 3},
    }
    await run(temporal, queue, "Metric", data)
    await closed(temporal, queue, 1)

    report = await Redrive(temporal, queue, Filters(), Options(to="trophy")).run()

    assert report == redriven(1)
    assert [request["integration"] for request in standin.requests] == ["trophy"]


async def test_what_is_refused_again_is_counted_as_failed(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)
    standin.script("segment", {"status": 401})

    assert await redrive(temporal, queue) == Report(selected=1, failed=1)
    assert await redrive(temporal, queue) == redriven(1)
    assert len(accepted_ids(standin)) == 1


async def test_a_preview_sends_nothing(temporal: Client, queue: str, standin: StandIn) -> None:
    await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)
    standin.requests.clear()

    report = await Redrive(temporal, queue, Filters()).preview()

    assert report == Report(selected=1, dry_run=True)
    assert standin.requests == []


async def test_a_rate_holds(temporal: Client, queue: str, standin: StandIn) -> None:
    standin.script("segment", *[{"status": 401}] * 3)
    for number in range(3):
        await run(temporal, queue, "Track", {"track": track(number)})
    await closed(temporal, queue, 3)
    began = asyncio.get_running_loop().time()

    report = await Redrive(temporal, queue, Filters(), Options(rate=2)).run()

    assert report == redriven(3)
    assert asyncio.get_running_loop().time() - began > 0.9


async def test_a_message_that_cannot_be_read_is_counted_as_failed(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    del standin
    await temporal.start_workflow("Track", "no object", id=unique(), task_queue=queue)
    await closed(temporal, queue, 1)

    assert await redrive(temporal, queue) == Report(selected=1, failed=1)


@pytest.mark.parametrize("data", [{}, {"messages": []}, {"messages": {}}])
async def test_a_batch_without_messages_is_counted_with_its_reason(
    temporal: Client, queue: str, standin: StandIn, data: Json
) -> None:
    await run(temporal, queue, "Batch", data)
    await closed(temporal, queue, 1)

    report = await redrive(temporal, queue)

    assert (report, report.reason) == (
        Report(selected=1, failed=1),
        "ValidationError: messages is required",
    )
    assert not standin.requests


@pytest.mark.parametrize(
    ("items", "sent", "reason"),
    [
        ([1, None, "a", []] * 1_300, 0, "ValidationError: messages.0 must be an object"),
        ([track(1), 1, track(2)], 2, "ValidationError: messages.1 must be an object"),
    ],
)
async def test_what_is_no_object_is_not_sent_again(
    temporal: Client, queue: str, standin: StandIn, items: list[Any], sent: int, reason: str
) -> None:
    """No redrive can deliver it, so it is counted, and no execution has it."""
    typed = [{"type": "track", **item} if isinstance(item, dict) else item for item in items]
    await run(temporal, queue, "Batch", {"integration": "nobody", "messages": typed})
    await closed(temporal, queue, 1)
    options, wrong = Options(to="segment"), len(items) - sent

    preview = await Redrive(temporal, queue, Filters(), options).preview()
    report = await Redrive(temporal, queue, Filters(), options).run()

    assert preview == Report(selected=len(items), failed=wrong, dry_run=True)
    assert report == Report(selected=len(items), redriven=sent, failed=wrong)
    assert preview.reason == report.reason == reason
    assert len(accepted_ids(standin)) == sent
    redrives = f"WorkflowId STARTS_WITH '{redrive_prefix(queue)}'"
    assert (await temporal.count_workflows(redrives)).count == bool(sent)


async def test_messages_that_a_provider_refused_in_a_batch_are_sent_alone(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """Beside single messages that failed by a wrong key, and of another integration."""
    standin.script("segment", *[{"status": 401}] * 5)
    for number in range(5):
        await run(temporal, queue, "Track", {"track": track(number)})
    errors = [{"batch_index": index, "reason": "invalid", "field": "name"} for index in (1, 3)]
    standin.script("customerio", {"status": 207, "body": {"errors": errors}})
    data = {"integration": "customerio", "messages": numbered(6)}
    output = await (await run(temporal, queue, "Batch", data)).result()
    assert output["accepted"] == 4
    await closed(temporal, queue, 6)
    standin.clear()

    assert await redrive(temporal, queue) == redriven(7)
    assert await redrive(temporal, queue) == redriven(0, skipped=7)

    assert len(set(accepted_ids(standin, "segment"))) == len(accepted_ids(standin, "segment")) == 5
    assert len(accepted_ids(standin, "customerio")) == 2


async def test_compressed_inputs_are_read(temporal: Client, queue: str, standin: StandIn) -> None:
    target = temporal.service_client.config.target_host
    client = await Client.connect(target, data_converter=data_converter(compress=True))
    await fail_track(client, standin, queue, {"track": track(properties={"text": "x" * 9000})})
    await closed(temporal, queue, 1)

    assert await redrive(temporal, queue) == redriven(1)


async def test_a_message_that_its_failure_does_not_repeat_is_sent(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """It was too large for the first integration."""
    data = {"track": track(message_id="m-1", properties={"text": "x" * 300_000})}
    await run(temporal, queue, "Track", data)
    await closed(temporal, queue, 1)

    report = await Redrive(temporal, queue, Filters(), Options(to="webhook")).run()

    assert report == redriven(1)
    assert accepted_ids(standin, "webhook") == ["m-1"]


async def test_long_workflow_ids_need_more_executions() -> None:
    """The store of the list of executions may keep 64 KiB of a memo."""
    carried = [
        CarriedMessage(Origin("w" * 900, "r" * 36, position), "Batch", b"{", b"{}")
        for position in range(100)
    ]

    carriers = list(load(carried))

    assert sum(len(carrier.origins) for carrier in carriers) == 100
    assert max(len(to_json(carrier.origins)) for carrier in carriers) <= 50 * 1024


async def test_an_origin_is_written_as_before_fan_outs() -> None:
    """Else commands of releases without fan-outs could not read it, or would send it twice."""
    origins = [Origin("order-2", "r-2", 1), Origin("order-1", "r-1", 0)]

    assert [origin.as_json() for origin in origins] == [
        ["order-2", "r-2", 1],
        ["order-1", "r-1", 0],
    ]
    assert redrive_id("analytics", origins) == (
        "analytics:redrive:1ef71353-9cbd-51f4-bcc1-7420946a6e41"  # of a release without fan-outs
    )


async def test_an_origin_in_a_fan_out_has_its_integration() -> None:
    """So that what failed at two integrations is sent to both."""
    segment, trakio = (Origin("order-1", "r-1", 0, name) for name in ("segment", "trakio"))

    assert segment.as_json() == ["order-1", "r-1", 0, "segment"]
    assert redrive_id("analytics", [segment]) != redrive_id("analytics", [trakio])
    assert segment.unite(trakio).unite(segment).at_each_integration() == [segment, trakio]
    alone = Origin("order-1", "r-1", 0)
    assert alone.unite(alone) == alone


async def test_a_limit_counts_what_is_sent(temporal: Client, queue: str, standin: StandIn) -> None:
    """So that the same command, run again, sends the next ones."""
    standin.script("segment", *[{"status": 401}] * 3)
    for number in range(3):
        await run(temporal, queue, "Track", {"track": track(number)})
    await closed(temporal, queue, 3)

    reports = [await Redrive(temporal, queue, Filters(), Options(limit=2)).run() for _ in range(2)]

    assert [report.redriven for report in reports] == [2, 1]
    assert len(set(accepted_ids(standin))) == len(accepted_ids(standin)) == 3


async def test_an_unknown_key_is_refused_again(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """Without the key, the message would go somewhere else."""
    await run(temporal, queue, "Track", {"integraton": "trakio", "track": track()})
    for message in ("no object", None):
        data = {"request_options": {"headers": {"X-Shop": "north"}}, "track": message}
        await run(temporal, queue, "Track", data)
    await closed(temporal, queue, 3)

    assert await redrive(temporal, queue) == Report(selected=3, failed=3)
    assert standin.requests == []
