"""Encrypted payloads: what is written, what is read, and what a missing key does."""

import asyncio
import secrets
import uuid
from datetime import timedelta
from typing import Any

import pytest
from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RawValue
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from durable_analytics import UnreadablePayload
from durable_analytics.temporal import integration_control as control
from durable_analytics.temporal.codecs import data_converter
from durable_analytics.temporal.converter import DATA_CONVERTER
from durable_analytics.temporal.encryption import ENCODING, KEY_ID, EncryptionCodec
from durable_analytics.temporal.encryption_keys import EncryptionKey, new_key
from durable_analytics.temporal.queue_limits import read_limit
from durable_analytics.testing import StandIn
from durable_analytics.wire.limits import BATCH_LIMIT_BYTES
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.summaries import summarize
from tests.support.clients_with_keys import client_with_keys
from tests.support.json_objects import Json
from tests.support.worker_settings import QUICK_RETRIES, settings_for
from tests.worker.deliveries import UNLIKELY, USER_DATA, outcome, own_process, own_worker, start
from worker import register

K1, K2 = new_key("k1"), new_key("k2")
QUICKLY = timedelta(seconds=0.3)
"""The patience of a command while no worker runs."""

LARGE: Json = {"text": "abc " * 50_000}


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("value", [LARGE, {"small": 1}, None, "ü" * 500, b"bytes"])
async def test_every_payload_is_encrypted_and_read(value: object, compress: bool) -> None:
    """Small ones and null too, with the id of the key beside it."""
    converter = data_converter(compress=compress, encryption_keys=[K1])

    (payload,) = await converter.encode([value])

    assert dict(payload.metadata) == {"encoding": ENCODING, KEY_ID: b"k1"}
    assert await converter.decode([payload]) == [value]
    assert b"abc" not in payload.data


async def test_it_is_compressed_before_it_is_encrypted() -> None:
    """Encrypted data does not become smaller."""
    (payload,) = await data_converter(compress=True, encryption_keys=[K1]).encode([LARGE])

    assert payload.ByteSize() < 1000


async def test_the_first_key_writes_and_all_read() -> None:
    old = await data_converter(compress=False, encryption_keys=[K1]).encode([LARGE])
    both = data_converter(compress=False, encryption_keys=[K2, K1])

    assert await both.decode(old) == [LARGE]
    (new,) = await both.encode([LARGE])
    assert new.metadata[KEY_ID] == b"k2"


async def test_clear_payloads_are_read() -> None:
    """As they were written before encryption was switched on."""
    for compress in (True, False):
        clear = await data_converter(compress=compress).encode([LARGE])

        assert await data_converter(compress=True, encryption_keys=[K1]).decode(clear) == [LARGE]


async def test_the_same_text_is_never_encrypted_to_the_same_bytes() -> None:
    converter = data_converter(compress=False, encryption_keys=[K1])

    first, second = [await converter.encode([{"a": 1}]) for _ in range(2)]

    assert first[0].data != second[0].data


@pytest.mark.parametrize("compress", [True, False])
async def test_what_is_passed_on_is_not_encrypted_again(compress: bool) -> None:
    """A workflow passes the input of a batch on to two activities."""
    keys = [EncryptionKey.read(K1)]
    written = await data_converter(compress=compress, encryption_keys=keys).encode(
        [{"text": secrets.token_hex(100_000)}]
    )
    reader = data_converter(compress=compress, encryption_keys=keys)

    raw = await reader.decode(written, [RawValue])

    assert await reader.encode(raw) == written


async def test_what_another_key_wrote_is_encrypted_with_the_first_one() -> None:
    """However recently it was read: after a rotation, an old key must become superfluous."""
    written = await data_converter(compress=False, encryption_keys=[K1]).encode([LARGE])
    both = data_converter(compress=False, encryption_keys=[K2, K1])

    (passed_on,) = await both.encode(await both.decode(written, [RawValue]))

    assert passed_on.metadata[KEY_ID] == b"k2"


@pytest.mark.parametrize("keys", [[], [K2], [new_key("k1")]])
async def test_a_missing_or_different_key_is_an_error_that_names_it(keys: list[str]) -> None:
    """And that shows no key."""
    written = await data_converter(compress=False, encryption_keys=[K1]).encode([LARGE])

    with pytest.raises(UnreadablePayload) as raised:
        await data_converter(compress=False, encryption_keys=keys).decode(written)

    assert "the key k1" in str(raised.value)
    assert "encryption_keys" in str(raised.value)
    assert not any(key.split(":")[1] in str(raised.value) for key in (K1, *keys))


@pytest.mark.parametrize(
    ("key_id", "data"),
    [
        *((b"k1", data) for data in (b"", b"garbage")),
        *((key_id, b"garbage" * 9) for key_id in (b"", b" ", b"k 1", b"\xff", b"k" * 65)),
    ],
)
async def test_what_was_never_encrypted_is_left(data: bytes, key_id: bytes) -> None:
    """No key would help: whoever reads it says that it is no JSON."""
    payload = Payload(metadata={"encoding": ENCODING, KEY_ID: key_id}, data=data)

    assert await EncryptionCodec([EncryptionKey.read(K1)]).decode([payload]) == [payload]


async def test_a_changed_payload_is_not_read() -> None:
    """AES-GCM authenticates."""
    converter = data_converter(compress=False, encryption_keys=[K1])
    (payload,) = await converter.encode([{"a": 1}])
    payload.data = payload.data[:-1] + bytes([payload.data[-1] ^ 1])

    with pytest.raises(UnreadablePayload):
        await converter.decode([payload])


async def test_failures_are_encrypted_with_their_causes() -> None:
    """Message and stack trace of each; the type stays, for it is what Temporal reads."""
    converter = data_converter(compress=False, encryption_keys=[K1])
    error = ApplicationError("of Jane", {"name": "Jane"}, type="Rejected")
    error.__cause__ = ValueError("Jane's too")
    failure = Failure()

    await converter.encode_failure(error, failure)

    stored = failure.SerializeToString()
    assert b"Jane" not in stored
    assert b"Rejected" in stored
    read = await converter.decode_failure(failure)
    assert isinstance(read, ApplicationError)
    assert (read.message, read.details) == ("of Jane", ({"name": "Jane"},))
    assert "Jane's too" in str(read.cause)


async def test_a_failure_that_is_passed_on_is_encrypted_again() -> None:
    """As a workflow fails with the failure of its activity."""
    converter = data_converter(compress=False, encryption_keys=[K1])
    first, second = Failure(), Failure()
    await converter.encode_failure(ApplicationError("of Jane", type="Rejected"), first)

    await converter.encode_failure(await converter.decode_failure(first), second)

    assert b"Jane" not in second.SerializeToString()
    read = await converter.decode_failure(second)
    assert isinstance(read, ApplicationError)
    assert read.message == "of Jane"


@pytest.mark.parametrize("base", [DATA_CONVERTER, DataConverter.default])
async def test_an_integrations_queue_shows_no_reason(
    temporal: Client, task_queue: str, base: DataConverter
) -> None:
    """Temporal stores the reason of a limit as it is."""
    config = temporal.config()
    config["data_converter"] = data_converter(compress=False, encryption_keys=[K1], base=base)
    client = Client(**config)

    paused = await control.pause(
        client, task_queue, "segment", reason="asked by Jane", by="Ann", patience=QUICKLY
    )

    assert str(paused.state["reason"]).startswith("asked by Jane")
    limit = await read_limit(temporal, f"{task_queue}.segment")
    assert limit
    assert limit.is_ours
    assert "Jane" not in limit.reason
    await control.resume(client, task_queue, "segment", patience=QUICKLY)


async def test_largest_batch_still_fits(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Temporal refuses a payload of more than 2 MiB, and encryption adds to each."""
    client = await client_with_keys(temporal, new_key("k" * 64))
    messages: list[Json] = [{"type": "track", **UNLIKELY, "text": ""} for _ in range(64)]
    batch: Json = {"integration": "segment", "strict": False, "messages": messages}
    missing = BATCH_LIMIT_BYTES - len(to_json(batch))
    for message in messages:
        message["text"] = "x" * (missing // len(messages))
    messages[0]["text"] += "x" * (BATCH_LIMIT_BYTES - len(to_json(batch)))
    assert len(to_json(batch)) == BATCH_LIMIT_BYTES

    async with own_worker(client, settings_for(standin, task_queue=task_queue)):
        handle = await client.start_workflow(
            "Batch", batch, id=f"test-{uuid.uuid4()}", task_queue=task_queue
        )
        output = await outcome(handle)

    assert (output["status"], output["accepted"]) == ("success", len(messages))


@pytest.mark.parametrize("body", ["x" * 100_000, "\N{PILE OF POO}" * 20_000])
async def test_the_failure_of_an_attempt_stays_whole(
    temporal: Client, standin: StandIn, task_queue: str, body: str
) -> None:
    """Temporal cuts a failure at 4 KiB while it is retried, and encryption adds to it."""
    client = await client_with_keys(temporal, new_key("k" * 64))
    standin.script("segment", {"status": 500, "body": body})
    policies: Json = {"request": {"retry_policy": {"initial_interval": "PT30S"}}}

    async with own_worker(client, settings_for(standin, task_queue=task_queue)):
        handle = await start(client, task_queue, policies=policies)
        async with asyncio.timeout(20):
            while not (failure := await pending_failure(handle)).message:  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # the server has no event for it
        await handle.cancel()
    error = await client.data_converter.decode_failure(failure)

    assert isinstance(error, ApplicationError)
    assert error.type == "Unavailable"
    assert error.message != "Encoded failure"
    assert error.details[0]["response"]["status_code"] == 500
    assert error.details[0]["response"]["body"].startswith(body[:100])


async def pending_failure(handle: WorkflowHandle[Any, Any]) -> Failure:
    """The failure of the last attempt of the one pending activity; empty if there is none."""
    pending = (await handle.describe()).raw_description.pending_activities
    return pending[0].last_failure if pending else Failure()


async def test_longest_summary_can_be_encrypted(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Temporal refuses more than 400 bytes."""
    client = await client_with_keys(temporal, new_key("k" * 64))
    message: Json = {**UNLIKELY, "event": "ü" * 200}
    summary = summarize(METHODS["track"], message, ["segment_compatible"])

    async with own_worker(client, settings_for(standin, task_queue=task_queue)):
        handle = await client.start_workflow(
            "Track",
            {"integration": "segment", "track": message},
            id=f"test-{uuid.uuid4()}",
            task_queue=task_queue,
            static_summary=summary,
        )
        assert (await outcome(handle))["status"] == "success"
        assert await (await handle.describe()).static_summary() == summary


@pytest.mark.slow  # Temporal tries the task again after 10 s
async def test_a_worker_without_the_key_fails_the_task_visibly_and_loses_nothing(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The history names the key that is missing; with the key, the message is delivered."""
    settings = settings_for(standin, task_queue=task_queue)
    sender, other = await client_with_keys(temporal, K1), await client_with_keys(temporal, K2)

    async with Worker(other, task_queue=task_queue, plugins=[register(settings)]):
        handle = await start(sender, task_queue)
        failed = await failed_task(temporal, handle.id)
    async with Worker(sender, task_queue=task_queue, plugins=[register(settings)]):
        output = await outcome(handle)

    assert "the key k1" in failed
    assert K1.split(":")[1] not in failed
    assert not any(text in failed for text in USER_DATA)
    assert output["status"] == "success"


async def failed_task(client: Client, workflow_id: str) -> str:
    """The failure of the first workflow task, as the history shows it without keys."""
    async with asyncio.timeout(20):
        while True:
            history = await client.get_workflow_handle(workflow_id).fetch_history()
            for event in history.events:
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                    return str(event.workflow_task_failed_event_attributes.failure)
            await asyncio.sleep(0.05)  # the server has no event for it


@pytest.mark.slow  # Temporal tries the task again after 10 s
async def test_requests_at_a_worker_without_the_key_wait_for_another_one(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """A batch that had begun: what its heartbeat says is not lost, and it is not failed."""
    settings = settings_for(standin, task_queue=task_queue, policies=QUICK_RETRIES)
    sender, other = await client_with_keys(temporal, K1), await client_with_keys(temporal, K2)
    standin.script("trophy", {}, {}, {"delay": 30})
    messages = [
        {"type": "metric", "key": "words", "user": {"id": f"u-{n}"}, "value": 1} for n in range(4)
    ]
    async with own_process(
        sender, settings_for(standin, task_queue=task_queue, graceful_shutdown_timeout="PT0.1S")
    ):
        handle = await sender.start_workflow(
            "Batch",
            {"integration": "trophy", "messages": messages},
            id=f"test-{uuid.uuid4()}",
            task_queue=task_queue,
        )
        await standin.wait_for(3)
    async with own_process(other, settings):
        failure = await last_attempt(handle)
    async with own_process(sender, settings):
        output = await outcome(handle)

    assert "lacks the key k1" in str(failure)
    assert (output["status"], output["accepted"]) == ("success", 4)
    sent = [message.id for message in standin.accepted["trophy"]]
    assert len(set(sent)) == 4


async def last_attempt(handle: object) -> object:
    """The failure of the last attempt of the one pending activity, once it is about a key."""
    async with asyncio.timeout(40):
        while True:
            description = await handle.describe()  # type: ignore[attr-defined]
            for one in description.raw_description.pending_activities:
                if "UnreadablePayload" in str(one.last_failure):
                    return one.last_failure
            await asyncio.sleep(0.1)  # the server has no event for it
