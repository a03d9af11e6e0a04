"""Compressed payloads: smaller where that pays, and read whoever wrote them."""

import os
import uuid
from collections.abc import Sequence

import pytest
import zstandard
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    PayloadCodec,
    WorkflowSerializationContext,
)
from temporalio.worker import Worker

from durable_analytics.temporal.codecs import (
    ENCODING,
    ZstdCodec,
    data_converter,
    decompressed,
    leave_large,
)
from durable_analytics.temporal.converter import DATA_CONVERTER
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from worker import register

ACTIVITY = ActivitySerializationContext(
    namespace="default",
    activity_id="1",
    activity_type="Batch.Send",
    activity_task_queue="q",
    workflow_id="w",
    workflow_type="Batch",
    is_local=False,
)
WORKFLOW = WorkflowSerializationContext(namespace="default", workflow_id="w")
LARGE: Json = {"track": {"user_id": "u-1", "event": "E", "properties": {"text": "abc " * 2000}}}


class Reversed(PayloadCodec):
    """Stands for encryption: it changes the bytes, and marks them."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return [
            Payload(metadata={"encoding": b"reversed"}, data=p.SerializeToString()[::-1])
            for p in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return [Payload.FromString(p.data[::-1]) for p in payloads]


@pytest.mark.parametrize("value", [LARGE, {"small": 1}, None, "ü" * 500, [1] * 1000])
async def test_what_is_packed_unpacks(value: object) -> None:
    """Whether or not it was worth packing."""
    converter = data_converter(compress=True)

    payloads = await converter.encode([value])

    assert await converter.decode(payloads) == [value]
    assert await data_converter(compress=False).decode(payloads) == [value]


async def test_only_what_gets_smaller_is_packed() -> None:
    """A large text is; a small one, or none, stays readable for everybody."""
    packed, small, nothing = await data_converter(compress=True).encode([LARGE, {"a": 1}, None])

    assert packed.metadata["encoding"] == ENCODING
    assert packed.ByteSize() < 300
    assert small.metadata["encoding"] == b"json/plain"
    assert nothing.metadata["encoding"] == b"binary/null"


async def test_nothing_is_packed_unless_asked() -> None:
    """Off is the default of all settings."""
    (payload,) = await data_converter(compress=False).encode([LARGE])

    assert payload == (await DATA_CONVERTER.encode([LARGE]))[0]


async def test_another_codec_comes_after() -> None:
    """What it encrypts is small already."""
    base = DataConverter(payload_codec=Reversed())
    converter = data_converter(compress=True, base=base)

    (payload,) = await converter.encode([LARGE])

    assert payload.metadata["encoding"] == b"reversed"
    assert payload.ByteSize() < 300
    assert await converter.decode([payload]) == [LARGE]


async def test_a_bomb_is_refused() -> None:
    """What unpacks to more than Temporal could ever have taken was not packed here."""
    bomb = zstandard.compress(b"\0" * (100 * 1024 * 1024))
    payload = Payload(metadata={"encoding": ENCODING}, data=bomb)

    assert await ZstdCodec(writes=False).decode([payload]) == [payload]


@pytest.mark.parametrize("data", [b"", b"garbage", zstandard.compress(b"no payload")])
async def test_what_does_not_unpack_is_left(data: bytes) -> None:
    """For whoever reads it to say so; an error would be retried for ever."""
    payload = Payload(metadata={"encoding": ENCODING}, data=data)

    assert await ZstdCodec(writes=False).decode([payload]) == [payload]


@pytest.mark.parametrize("compresses", [("caller", "worker"), ("caller",), ("worker",), ()])
async def test_callers_and_workers_need_not_agree(
    temporal: Client, standin: StandIn, compresses: tuple[str, ...]
) -> None:
    """Each writes as it was told, and reads what the other wrote."""
    queue = f"codec-{uuid.uuid4()}"
    target = temporal.service_client.config.target_host
    caller, polls = [
        await Client.connect(target, data_converter=data_converter(compress=name in compresses))
        for name in ("caller", "worker")
    ]
    settings = settings_for(standin, task_queue=queue)
    async with Worker(polls, task_queue=queue, plugins=[register(settings)]):
        handle = await caller.start_workflow("Track", LARGE, id=queue, task_queue=queue)
        output: Json = await handle.result()

    assert output["status"] == "success"
    assert standin.requests[0]["body"]["properties"] == LARGE["track"]["properties"]
    history = (await handle.fetch_history()).to_json()
    assert ("YWJjIGFiYyBhYmMg" not in history) == (compresses == ("caller", "worker"))


async def test_large_input_that_is_passed_on_is_not_compressed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A workflow passes the input of a batch on to two activities."""
    plain = [Payload(metadata={"encoding": b"json/plain"}, data=b'"' + b"ab" * 50_000 + b'"')]
    stored = await ZstdCodec(writes=True).encode(plain)
    worker = ZstdCodec(writes=True)
    context = WorkflowSerializationContext(namespace="default", workflow_id="w")
    monkeypatch.setattr(zstandard, "compress", None)

    decoded = await worker.with_context(context).decode(stored)
    again = await worker.with_context(context).encode(decoded)

    assert decoded == plain
    assert again == stored


async def test_large_payloads_can_be_left_compressed_in_workflows() -> None:
    """An activity gets them plain, and what passes through a workflow is stored as it was."""
    large, small = await ZstdCodec(writes=True).encode(
        [json_text(os.urandom(100_000).hex()), json_text("ab" * 1000)]
    )
    converter = leave_large(data_converter(compress=True))
    of_workflow = converter.with_context(WORKFLOW).payload_codec
    of_activity = converter.with_context(ACTIVITY).payload_codec
    assert of_workflow
    assert of_activity

    left, plain = await of_workflow.decode([large, small])

    assert left == large
    assert plain == json_text("ab" * 1000)
    assert await of_activity.encode([left]) == [large]
    assert await of_activity.decode([left]) == [decompressed(left)]
    assert decompressed(left).metadata["encoding"] == b"json/plain"


@pytest.mark.parametrize("data", [b"", b"garbage", zstandard.compress(b"no payload")])
def test_what_was_left_and_cannot_be_decompressed_stays(data: bytes) -> None:
    """Its reader reports it."""
    payload = Payload(metadata={"encoding": ENCODING}, data=data)

    assert decompressed(payload) == payload


def json_text(text: str) -> Payload:
    """A JSON text as a payload."""
    return Payload(metadata={"encoding": b"json/plain"}, data=b'"%b"' % text.encode())
