"""Payload codecs that compress and encrypt what Temporal stores. Needs `[codecs]`.

Compressed payloads are always read. Writing them is a setting, off by default, because the
`temporal` command line and the UI show payloads as they are stored.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import zstandard
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    FailureConverter,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from durable_analytics.temporal.converter import (
    DATA_CONVERTER,
    ContractFailureConverter,
    EncodedFailureConverter,
)
from durable_analytics.temporal.encryption import EncryptionCodec
from durable_analytics.temporal.encryption_keys import EncryptionKey, read_keys
from durable_analytics.temporal.recent_payloads import RecentPayloads
from durable_analytics.wire.limits import PAYLOAD_LIMIT_BYTES, TASK_LIMIT_BYTES

ENCODING = b"binary/zstd"

_LEAST_BYTES = 256
"""Smaller payloads, like heartbeats, do not become smaller."""

_LEVEL = 1
"""For a thousand typical messages, a third faster than the library's default, 3, and smaller."""

_MOST_RECENT = 4
"""How many payloads are remembered."""

_LEAST_COST_BYTES = 1024
"""The size that a smaller payload is counted with, because each payload takes time."""

_LEAST_LEFT_BYTES = 64 * 1024
"""The compressed size of the smallest payload that stays compressed in workflows."""

_WINDOW_LIMIT_BYTES = 8 * 1024 * 1024
"""The window size that decoders should support (RFC 8878, 3.1.1.1.2)."""


class ZstdCodec(PayloadCodec, WithSerializationContext):
    """Compresses payloads with zstd if that makes them smaller.

    A payload that exceeds the limits stays compressed, and its reader reports the error: an error
    here would fail the workflow task, which Temporal retries for ever.

    Args:
        writes: Whether to compress; compressed payloads are always decompressed.
        allowance: The limit that all calls share; with None, each call has its own limit.
        recent: The payloads that were decompressed recently.
    """

    def __init__(
        self,
        *,
        writes: bool,
        allowance: "Allowance | None" = None,
        recent: "RecentPayloads | None" = None,
    ) -> None:
        self._writes = writes
        self._allowance = allowance
        self._recent = recent or RecentPayloads(_MOST_RECENT if writes else 0)

    def with_context(self, context: SerializationContext) -> Self:
        """Return a codec for one task of a worker: its decode calls share one limit."""
        del context
        return type(self)(writes=self._writes, allowance=Allowance(), recent=self._recent)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        if not self._writes:
            return list(payloads)
        return [_compressed(payload, self._recent) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        allowance = self._allowance or Allowance()
        return [
            _decompressed(payload, allowance, self._recent)
            if payload.metadata.get("encoding") == ENCODING
            else payload
            for payload in payloads
        ]


class Allowance:
    """How many bytes may still be decompressed.

    A worker decodes all payloads of a task in one iteration of the event loop. The allowance is
    renewed after it, because other programs keep a codec for longer.
    """

    def __init__(self) -> None:
        self._remaining_bytes = TASK_LIMIT_BYTES

    def of_one_payload(self) -> int:
        """Return the largest size in bytes of the next payload after decompression."""
        return min(self._remaining_bytes, PAYLOAD_LIMIT_BYTES)

    def spend(self, size_bytes: int) -> None:
        """Count a payload that was decompressed."""
        if self._remaining_bytes == TASK_LIMIT_BYTES:
            asyncio.get_running_loop().call_soon(self._renew)
        self._remaining_bytes -= min(max(size_bytes, _LEAST_COST_BYTES), self._remaining_bytes)

    def _renew(self) -> None:
        self._remaining_bytes = TASK_LIMIT_BYTES


def _compressed(payload: Payload, recent: RecentPayloads) -> Payload:
    size_bytes = len(payload.data)
    if size_bytes < _LEAST_BYTES or payload.ByteSize() > PAYLOAD_LIMIT_BYTES:
        return payload
    if payload.metadata.get("encoding") == ENCODING:
        return payload
    plain = payload.SerializeToString()
    if found := recent.find(plain):
        return found
    data = zstandard.compress(plain, _LEVEL)
    if len(data) >= size_bytes:
        return payload
    return Payload(metadata={"encoding": ENCODING}, data=data)


def decompressed(payload: Payload) -> Payload:
    """Return what was compressed into a payload that `leave_large` left; else the payload."""
    if payload.metadata.get("encoding") != ENCODING:
        return payload
    try:
        return _parsed(_decompress(payload.data, PAYLOAD_LIMIT_BYTES)) or payload
    except zstandard.ZstdError:
        return payload


def _decompressed(payload: Payload, allowance: Allowance, recent: RecentPayloads) -> Payload:
    limit_bytes = allowance.of_one_payload()
    try:
        data = _decompress(payload.data, limit_bytes)
    except _TooLargeError:
        return payload
    except zstandard.ZstdError:
        # It may have been decompressed up to the limit.
        allowance.spend(limit_bytes)
        return payload
    allowance.spend(len(data))
    decoded = _parsed(data)
    if decoded is None:
        return payload
    recent.add(data, payload)
    return decoded


class _TooLargeError(zstandard.ZstdError):
    """The size that a frame names exceeds the limit; nothing was decompressed."""


def _decompress(data: bytes, limit_bytes: int) -> bytes:
    # If a frame names its size, that much is allocated, whatever `max_output_size` is.
    if not limit_bytes or zstandard.frame_content_size(data) > limit_bytes:
        raise _TooLargeError
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT_BYTES)
    return decompressor.decompress(data, max_output_size=limit_bytes)


def _parsed(data: bytes) -> Payload | None:
    """Return the payload that was compressed; None if there was none."""
    try:
        decoded = Payload.FromString(data)
    except DecodeError:
        return None
    is_once_compressed = decoded.metadata.get("encoding") not in {None, ENCODING}
    return decoded if is_once_compressed else None


def data_converter(
    *,
    compress: bool,
    encryption_keys: Sequence[EncryptionKey | str] = (),
    base: DataConverter = DATA_CONVERTER,
) -> DataConverter:
    """Return a data converter that reads compressed payloads, and with `compress` writes them.

    Args:
        compress: Whether to compress payloads.
        encryption_keys: Keys like `k1:…`, as `durable-analytics keys new` prints them. The first
            one encrypts, after compression; all of them decrypt. The messages of failures are
            encrypted too. Payloads that are not encrypted are still read. Default: nothing is
            encrypted. Needs `[encryption]`.
        base: The converter to extend; its own codec, if any, is applied last.

    Raises:
        ValueError: A key has a wrong form.

    >>> client = await Client.connect(address, data_converter=data_converter(compress=True))
    """
    keys = [key for key in encryption_keys if isinstance(key, EncryptionKey)]
    if len(keys) < len(encryption_keys):
        keys = [*read_keys(str(key) for key in encryption_keys)]
    codecs = [ZstdCodec(writes=compress), EncryptionCodec(keys)]
    if base.payload_codec:
        codecs.append(base.payload_codec)
    converter = dataclasses.replace(base, payload_codec=_Chain(codecs))
    encoded = _ENCODED_FAILURES.get(base.failure_converter_class)
    if keys and encoded:
        converter = dataclasses.replace(converter, failure_converter_class=encoded)
    return converter


def leave_unreadable(converter: DataConverter) -> DataConverter:
    """Return a converter that leaves payloads that it cannot decrypt, for a reader that reports it.

    Args:
        converter: A converter of `data_converter`; another one is returned as it is.
    """
    if not isinstance(converter.payload_codec, _Chain):
        return converter
    codec = converter.payload_codec.replace_each(
        lambda one: one.leaving_unreadable() if isinstance(one, EncryptionCodec) else one
    )
    return dataclasses.replace(converter, payload_codec=codec)


def leave_large(converter: DataConverter) -> DataConverter:
    """Return a converter for a worker of workflows: their large inputs stay compressed.

    A batch passes its input on unchanged, and waits: so an execution in the worker's cache holds
    the compressed input, and nothing is compressed again. `decompressed` reads it.

    Args:
        converter: A converter of `data_converter`; another one is returned as it is.
    """
    if not isinstance(converter.payload_codec, _Chain):
        return converter
    codec = converter.payload_codec.replace_each(
        lambda one: _LargeLeft(one) if isinstance(one, ZstdCodec) else one
    )
    return dataclasses.replace(converter, payload_codec=codec)


_ENCODED_FAILURES: Mapping[type[FailureConverter], type[FailureConverter]] = {
    ContractFailureConverter: EncodedFailureConverter,
    DefaultFailureConverter: DefaultFailureConverterWithEncodedAttributes,
}
"""The converters that leave the text of a failure to the codec, by those that do not."""


class _LargeLeft(PayloadCodec, WithSerializationContext):
    """A `ZstdCodec` that leaves large payloads of workflows compressed; activities get them plain.

    Args:
        codec: Compresses and decompresses.
        is_for_workflow: Whether the payloads are those of a workflow.
    """

    def __init__(self, codec: ZstdCodec, *, is_for_workflow: bool = False) -> None:
        self._codec = codec
        self._is_for_workflow = is_for_workflow

    def with_context(self, context: SerializationContext) -> Self:
        """Return a codec for the payloads of one workflow or activity."""
        is_for_workflow = isinstance(context, WorkflowSerializationContext)
        return type(self)(self._codec.with_context(context), is_for_workflow=is_for_workflow)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return await self._codec.encode(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        if not self._is_for_workflow:
            return await self._codec.decode(payloads)
        decoded: list[Payload] = []
        for payload in payloads:
            is_large = len(payload.data) >= _LEAST_LEFT_BYTES
            decoded += [payload] if is_large else await self._codec.decode([payload])
        return decoded


class _Chain(PayloadCodec, WithSerializationContext):
    """Applies codecs in order; decodes in reverse order."""

    def __init__(self, codecs: Sequence[PayloadCodec]) -> None:
        self._codecs = codecs

    def with_context(self, context: SerializationContext) -> Self:
        """Pass the context to the codecs that use it."""
        return self.replace_each(
            lambda codec: (
                codec.with_context(context)
                if isinstance(codec, WithSerializationContext)
                else codec
            )
        )

    def replace_each(self, change: Callable[[PayloadCodec], PayloadCodec]) -> Self:
        """Return a chain of what a function makes of each codec."""
        return type(self)([change(codec) for codec in self._codecs])

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        encoded = list(payloads)
        for codec in self._codecs:
            encoded = await codec.encode(encoded)
        return encoded

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        decoded = list(payloads)
        for codec in reversed(self._codecs):
            decoded = await codec.decode(decoded)
        return decoded
