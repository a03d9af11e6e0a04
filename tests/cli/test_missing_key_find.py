"""What `find`, `cancel` and `report` do with executions that are encrypted with an unknown key."""

from datetime import timedelta

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.worker import Worker

from durable_analytics.temporal import integration_control
from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.testing import StandIn
from tests.support.clients_with_keys import client_with_keys
from tests.support.command import Command
from tests.support.failed_deliveries import closed, fail_track, redrive, run, track
from tests.support.visible import until_visible
from tests.support.worker_settings import settings_for
from worker import register

KEY = new_key("k9")
NAMED = "a payload is encrypted with the key k9, which this process does not have"


@pytest.fixture
async def unreadable(temporal: Client, task_queue: str) -> str:
    """The workflow id of an open execution whose input nobody here can read."""
    metadata = {"encoding": b"binary/encrypted", "encryption-key-id": b"k9"}
    handle = await temporal.start_workflow(
        "Track",
        RawValue(Payload(metadata=metadata, data=bytes(60))),
        id=f"unreadable-{task_queue}",
        task_queue=task_queue,
        execution_timeout=timedelta(minutes=1),
    )
    await until_visible(temporal, f"WorkflowId = '{handle.id}'")
    return handle.id


async def start_track(temporal: Client, task_queue: str, message_id: str) -> str:
    """An open execution that can be read, under a workflow id that says nothing."""
    handle = await temporal.start_workflow(
        "Track",
        {"track": track(message_id=message_id)},
        id=f"readable-{task_queue}",
        task_queue=task_queue,
    )
    await until_visible(temporal, f"WorkflowId = '{handle.id}'")
    return handle.id


async def test_another_message_is_found_with_a_warning(
    temporal: Client, task_queue: str, operator: Command, unreadable: str
) -> None:
    del unreadable
    readable = await start_track(temporal, task_queue, "m-readable")

    found = await operator("find", "m-readable", "--json")

    (one,) = found.json
    assert (one["workflow_id"], one["outcome"]) == (readable, "waiting")
    assert found.status == 0
    assert found.err.startswith(
        f"warning: 1 execution cannot be read, and may have the message: {NAMED}"
    )
    assert found.err.count("\n") == 1


async def test_a_message_that_may_be_in_an_unreadable_execution_is_not_called_missing(
    operator: Command, unreadable: str
) -> None:
    del unreadable

    found = await operator("find", "m-nowhere", "--json")

    assert (found.status, found.json) == (2, [])
    assert found.err.startswith(
        "durable-analytics: no execution that can be read has the message m-nowhere; "
        f"1 execution cannot be read, and may have the message: {NAMED}"
    )
    assert found.err.count("\n") == 1


async def test_the_search_for_a_user_says_that_it_may_be_incomplete(
    temporal: Client, task_queue: str, operator: Command, unreadable: str
) -> None:
    """Somebody may delete at another place what is found here."""
    del unreadable
    readable = await start_track(temporal, task_queue, "m-readable")

    found = await operator("find", "--user", "u-0", "--json")
    nobody = await operator("find", "--user", "u-nobody", "--json")

    warning = (
        "1 execution cannot be read, and may have more messages of this user, "
        f"so the answer may be incomplete: {NAMED}"
    )
    assert [one["workflow_id"] for one in found.json] == [readable]
    assert found.status == 0
    assert found.err.startswith(f"warning: {warning}")
    assert (nobody.status, nobody.json) == (2, [])
    assert nobody.err.startswith(
        f"durable-analytics: no execution that can be read has messages of this user; {warning}"
    )


async def test_what_can_be_read_of_a_user_is_cancelled(
    temporal: Client, task_queue: str, operator: Command, unreadable: str
) -> None:
    del unreadable
    readable = await start_track(temporal, task_queue, "m-readable")

    cancelled = await operator("cancel", "--user", "u-0", "--json")

    assert cancelled.json == {"cancelled": [readable], "batches": []}
    assert cancelled.status == 2
    assert cancelled.err.startswith(
        "durable-analytics: 1 execution cannot be read, and may still deliver messages of this "
        f"user: {NAMED}"
    )


async def test_unreadable_executions_found_by_their_id_and_counted(
    temporal: Client, standin: StandIn, task_queue: str, operator: Command
) -> None:
    """A failed one, a completed one, and one that timed out; another one can be read."""
    keyed = await client_with_keys(temporal, KEY)
    settings = settings_for(standin, task_queue=task_queue)
    data = {"integration": "segment", "track": track()}
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        await run(temporal, task_queue, "Track", data)
    async with Worker(keyed, task_queue=task_queue, plugins=[register(settings)]):
        failed = await fail_track(keyed, standin, task_queue, data)
        completed = await run(keyed, task_queue, "Track", data)
    timeout = {"execution_timeout": timedelta(seconds=1)}
    await run(keyed, task_queue, "Track", data, id=f"segment:track:{task_queue}", **timeout)
    await closed(temporal, task_queue, 4)

    found = [await operator("find", handle.id, "--json") for handle in (failed, completed)]
    late = await operator("find", task_queue, "--json")
    as_json = await operator("report", "--json")
    as_table = await operator("report")

    for one in found:
        (only,) = one.json
        assert only["outcome"] == "unreadable"
        assert only["reason"].startswith(NAMED)
        assert (one.status, one.err) == (0, "")
    assert [one["outcome"] for one in late.json] == ["timed_out"]
    rows = {row["integration"]: row for row in as_json.json["integrations"]}
    total = as_json.json["total"]
    assert as_json.status == 0
    assert as_json.err.startswith(
        f"warning: 3 executions cannot be read, and only the status is counted: {NAMED}"
    )
    assert (total["received"], total["delivered"], total["unreadable"]) == (4, 1, 1)
    assert total["reasons"]["failed"] == {"UnreadablePayload": 1, "TimedOut": 1}
    assert rows["segment"]["delivered"] == 1
    assert "UNREADABLE" in as_table.out


async def test_a_redrive_that_cannot_be_read_hides_no_outcome(
    temporal: Client, standin: StandIn, task_queue: str, operator: Command
) -> None:
    """Only whether a refused message was delivered since is not known."""
    keyed = await client_with_keys(temporal, KEY)
    settings = settings_for(standin, task_queue=task_queue)
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        delivered = await run(temporal, task_queue, "Track", {"track": track()})
        refused = await fail_track(temporal, standin, task_queue)
        await closed(temporal, task_queue, 2)
    async with Worker(keyed, task_queue=task_queue, plugins=[register(settings)]):
        await redrive(keyed, task_queue)
    await closed(temporal, task_queue, 3)

    outcomes = [
        (await operator("find", handle.id, "--json")).json[0] for handle in (delivered, refused)
    ]

    assert [one["outcome"] for one in outcomes] == ["delivered", "refused"]
    assert outcomes[0]["reason"] is None
    assert outcomes[1]["reason"].startswith("Unauthorized: ")
    assert f"; whether it has been redriven cannot be read: {NAMED}" in outcomes[1]["reason"]


async def test_a_pause_that_cannot_be_read_hides_no_message(
    temporal: Client, task_queue: str, operator: Command
) -> None:
    keyed = await client_with_keys(temporal, KEY)
    handle = await temporal.start_workflow(
        "Track",
        {"integration": "segment", "track": track()},
        id=task_queue,
        task_queue=task_queue,
    )
    await until_visible(temporal, f"WorkflowId = '{handle.id}'")
    patience = timedelta(seconds=0.2)
    await integration_control.pause(keyed, task_queue, "segment", reason="x", patience=patience)

    found = await operator("find", task_queue, "--json")

    (one,) = found.json
    assert (found.status, one["outcome"]) == (0, "waiting")
    assert f"whether the integration segment is paused cannot be read: {NAMED}" in one["reason"]
