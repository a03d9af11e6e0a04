"""Compressed payloads from a stranger: none of them makes a worker large, slow or stuck."""

import asyncio
import struct
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
import zstandard
from temporalio.api.common.v1 import Memo, Payload, Payloads, WorkflowType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.converter import (
    DataConverter,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from durable_analytics.temporal.codecs import (
    ENCODING,
    ZstdCodec,
    data_converter,
)
from durable_analytics.testing import StandIn
from durable_analytics.wire.limits import PAYLOAD_LIMIT_BYTES, TASK_LIMIT_BYTES
from tests.support.json_objects import Execute, Json
from tests.worker.deliveries import outcome
from tests.worker.processes import Running, worker_process

MIB = 1024 * 1024
CONTEXT = WorkflowSerializationContext(namespace="default", workflow_id="w")


def json_payload(size_bytes: int) -> Payload:
    """A JSON text of about this size, not packed."""
    return Payload(metadata={"encoding": b"json/plain"}, data=b'"%b"' % (b"0" * size_bytes))


def packed(payload: Payload, *, says_size: bool = True) -> Payload:
    """A payload as a stranger may pack it."""
    compressor = zstandard.ZstdCompressor(level=19, write_content_size=says_size)
    stream = compressor.compressobj(payload.ByteSize() if says_size else -1)
    data = stream.compress(payload.SerializeToString()) + stream.flush()
    return Payload(metadata={"encoding": ENCODING}, data=data)


def peak_bytes(worker: Running) -> int:
    """The most memory that a process has had so far."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


BOMBS = {
    "says its size": packed(json_payload(60 * MIB)),
    "does not say its size": packed(json_payload(60 * MIB), says_size=False),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
@pytest.mark.slow
async def test_forty_inputs_that_unpack_to_60_mib_each(
    temporal: Client, standin: StandIn, task_queue: str, bomb: Payload
) -> None:
    """The execution fails at once as one with too many inputs; the worker stays small."""
    async with worker_process(temporal, standin, task_queue) as worker:
        before = peak_bytes(worker)
        handle = await temporal.start_workflow(
            "Track", args=[RawValue(bomb)] * 40, id=f"test-{uuid.uuid4()}", task_queue=task_queue
        )
        output = await outcome(handle)
        grown = peak_bytes(worker) - before

    assert output["error"]["type"] == "ValidationError"
    assert (
        output["error"]["message"]
        == "the execution was started with 40 arguments: send one JSON object"
    )
    assert grown < 150 * MIB


@pytest.mark.slow
async def test_a_memo_of_many_bombs(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """The bound is one for all payloads of a task, wherever in it they stand."""
    (message,) = await temporal.data_converter.encode(
        [{"integration": "segment", "track": {"user_id": "u-1", "event": "E"}}]
    )
    nearly = packed(json_payload(PAYLOAD_LIMIT_BYTES - 100))
    request = StartWorkflowExecutionRequest(
        namespace=temporal.namespace,
        workflow_id=f"test-{uuid.uuid4()}",
        request_id=str(uuid.uuid4()),
        workflow_type=WorkflowType(name="Track"),
        task_queue=TaskQueue(name=task_queue),
        input=Payloads(payloads=[message]),
        memo=Memo(fields={f"m{number}": nearly for number in range(200)}),
    )

    async with worker_process(temporal, standin, task_queue) as worker:
        before = peak_bytes(worker)
        await temporal.workflow_service.start_workflow_execution(request)
        output = await outcome(temporal.get_workflow_handle(request.workflow_id))
        grown = peak_bytes(worker) - before

    assert output["status"] == "success"
    assert grown < 150 * MIB


def _skippable_frame() -> bytes:
    return struct.pack("<II", 0x184D2A50, 4) + b"skip"


def _lying_frame() -> bytes:
    frame = bytearray(zstandard.compress(json_payload(5000).SerializeToString()))
    frame[6] = 0
    return bytes(frame)


def _large_window() -> bytes:
    magic, no_size, window_of_2_gib, last_empty_block = 0xFD2FB528, b"\0", b"\xa8", b"\x01\0\0"
    return struct.pack("<I", magic) + no_size + window_of_2_gib + last_empty_block


def _with_dictionary() -> bytes:
    words: list[bytes | bytearray | memoryview] = [
        b"%d user_id event properties" % number for number in range(2000)
    ]
    dictionary = zstandard.train_dictionary(2048, words)
    payload = json_payload(1000).SerializeToString()
    return zstandard.ZstdCompressor(dict_data=dictionary).compress(payload)


BAD_FRAMES: Mapping[str, bytes] = {
    "nothing": b"",
    "garbage": b"garbage",
    "cut": BOMBS["says its size"].data[:-20],
    "a bomb": BOMBS["says its size"].data,
    "a bomb without a size": BOMBS["does not say its size"].data,
    "a wrong size": _lying_frame(),
    "a large window": _large_window(),
    "a dictionary": _with_dictionary(),
    "a skippable frame": _skippable_frame(),
    "an empty frame": zstandard.compress(b""),
    "no payload": zstandard.compress(b"no payload"),
    "a packed payload": packed(packed(json_payload(1000))).data,
    "a packed bomb": packed(BOMBS["says its size"]).data,
}


@pytest.mark.parametrize("frame", BAD_FRAMES.values(), ids=BAD_FRAMES)
async def test_an_input_that_does_not_unpack(execute: Execute, frame: bytes) -> None:
    """It is refused as an input, with words that say so."""
    payload = Payload(metadata={"encoding": ENCODING}, data=frame)

    output = await execute("Track", RawValue(payload))

    assert output["error"]["type"] == "ValidationError"
    assert output["error"]["message"] == (
        "the input is compressed (binary/zstd) and cannot be decompressed to a payload of at "
        "most 4 MiB"
    )


@pytest.mark.parametrize("says_size", [True, False])
async def test_a_large_input_that_packs_well(
    execute: Execute, standin: StandIn, says_size: bool
) -> None:
    """The largest batch is delivered, however small its packed form is."""
    message = {"type": "track", "user_id": "u-1", "event": "E", "properties": {"a": "abc " * 700}}
    data = {"integration": "segment", "messages": [message] * 650}
    (payload,) = await data_converter(compress=False).encode([data])
    assert 1_800_000 < len(payload.data) < 1_960_000

    output = await execute("Batch", RawValue(packed(payload, says_size=says_size)))

    assert (output["status"], output["accepted"]) == ("success", 650)
    assert sum(len(request["body"]["batch"]) for request in standin.requests) == 650


async def test_hundreds_of_payloads_of_a_history() -> None:
    """What a replay decodes call by call is unpacked, whatever it comes to in all."""
    payload = packed(json_payload(MIB))
    shared = ZstdCodec(writes=False)

    decoded = [(await shared.decode([payload]))[0].ByteSize() for _ in range(300)]
    of_tasks = [
        (await shared.with_context(CONTEXT).decode([payload]))[0].ByteSize() for _ in range(300)
    ]

    assert min(decoded + of_tasks) > MIB


async def test_the_bound_of_a_task() -> None:
    """All calls for one task share it, and a codec that lives on has it anew with the next one."""
    codec = ZstdCodec(writes=False).with_context(CONTEXT)
    payload = packed(json_payload(PAYLOAD_LIMIT_BYTES - 100))
    whole = TASK_LIMIT_BYTES // PAYLOAD_LIMIT_BYTES

    async def unpacked(count: int) -> int:
        decoded = [(await codec.decode([payload]))[0] for _ in range(count)]
        return sum(one.metadata["encoding"] == b"json/plain" for one in decoded)

    assert await unpacked(whole + 5) == whole
    await asyncio.sleep(0)
    assert await unpacked(1) == 1


async def test_what_could_not_be_unpacked_is_not_packed() -> None:
    """Temporal then says that it is too large, instead of storing what nobody reads."""
    small, large = json_payload(PAYLOAD_LIMIT_BYTES - 100), json_payload(PAYLOAD_LIMIT_BYTES)

    encoded = await ZstdCodec(writes=True).encode([small, large])

    assert [one.metadata["encoding"] for one in encoded] == [ENCODING, b"json/plain"]
    assert await ZstdCodec(writes=False).decode(encoded) == [small, large]


class Noting(PayloadCodec, WithSerializationContext):
    """A codec that uses the context, and changes nothing."""

    def __init__(self) -> None:
        self.seen: list[SerializationContext] = []

    def with_context(self, context: SerializationContext) -> Self:
        """See base class."""
        self.seen.append(context)
        return self

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return list(payloads)


async def test_a_task_s_context_reaches_another_codec() -> None:
    """A codec that uses the SDK's context still gets it beside compression."""
    noting = Noting()
    base = replace(DataConverter.default, payload_codec=noting)
    value: Json = {"a": "b" * 1000}

    converter = data_converter(compress=True, base=base).with_context(CONTEXT)

    assert await converter.decode(await converter.encode([value])) == [value]
    assert noting.seen == [CONTEXT]
