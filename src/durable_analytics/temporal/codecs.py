"""Payload codecs that compress the inputs and outputs that Temporal stores. Needs `[codecs]`.

Compressed payloads are always read. Writing them is a setting, off by default, because the
`temporal` command line and the UI show payloads as they are stored.
"""

import asyncio
import dataclasses
from collections import deque
from collections.abc import Sequence
from typing import Self

import zstandard
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
)

from durable_analytics.temporal.converter import DATA_CONVERTER
from durable_analytics.wire.limits import PAYLOAD_LIMIT_BYTES, TASK_LIMIT_BYTES

ENCODING = b"binary/zstd"

_LEAST_BYTES = 256
"""Smaller payloads, like heartbeats, do not become smaller."""

_LEVEL = 1
"""For a thousand typical messages, a third faster than the library's default, 3, and smaller."""

_MOST_RECENT = 4
_LEAST_RECENT_BYTES = 64 * 1024
"""How many payloads are remembered, and the size of the smallest one: few are this large."""

_LEAST_COST_BYTES = 1024
"""The size that a smaller payload is counted with, because each payload takes time."""

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


class RecentPayloads:
    """The last large payloads that were decompressed, and their compressed form.

    A workflow passes its input on to two activities, unchanged: so the input of a batch is not
    compressed again. Payloads are compared byte by byte.
    """

    def __init__(self, most: int) -> None:
        self._payloads: deque[tuple[bytes, Payload]] = deque(maxlen=most)

    def add(self, plain: bytes, compressed: Payload) -> None:
        """Remember a payload.

        Args:
            plain: The payload that was compressed, as protobuf writes it.
            compressed: Its compressed form.
        """
        if len(plain) >= _LEAST_RECENT_BYTES and self.find(plain) is None:
            self._payloads.append((plain, compressed))

    def find(self, plain: bytes) -> Payload | None:
        """Return the compressed form of a payload, or None."""
        return next((found for known, found in self._payloads if known == plain), None)


def _compressed(payload: Payload, recent: RecentPayloads) -> Payload:
    size_bytes = len(payload.data)
    if size_bytes < _LEAST_BYTES or payload.ByteSize() > PAYLOAD_LIMIT_BYTES:
        return payload
    plain = payload.SerializeToString()
    if found := recent.find(plain):
        return found
    data = zstandard.compress(plain, _LEVEL)
    if len(data) >= size_bytes:
        return payload
    return Payload(metadata={"encoding": ENCODING}, data=data)


def _decompressed(payload: Payload, allowance: Allowance, recent: RecentPayloads) -> Payload:
    limit_bytes = allowance.of_one_payload()
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT_BYTES)
    try:
        # If a frame names its size, that much is allocated, whatever `max_output_size` is.
        if not limit_bytes or zstandard.frame_content_size(payload.data) > limit_bytes:
            return payload
        data = decompressor.decompress(payload.data, max_output_size=limit_bytes)
    except zstandard.ZstdError:
        # It may have been decompressed up to the limit.
        allowance.spend(limit_bytes)
        return payload
    allowance.spend(len(data))
    try:
        decoded = Payload.FromString(data)
    except DecodeError:
        return payload
    if decoded.metadata.get("encoding") in {None, ENCODING}:
        return payload  # It was compressed twice, or is not a payload.
    recent.add(data, payload)
    return decoded


def data_converter(*, compress: bool, base: DataConverter = DATA_CONVERTER) -> DataConverter:
    """Return a data converter that reads compressed payloads, and with `compress` writes them.

    Args:
        compress: Whether to compress payloads.
        base: The converter to extend; its own codec, if any, is applied after compression, so that
            it encrypts less data.

    >>> client = await Client.connect(address, data_converter=data_converter(compress=True))
    """
    codec: PayloadCodec = ZstdCodec(writes=compress)
    if base.payload_codec:
        codec = _Chain([codec, base.payload_codec])
    return dataclasses.replace(base, payload_codec=codec)


class _Chain(PayloadCodec, WithSerializationContext):
    """Applies codecs in order; decodes in reverse order."""

    def __init__(self, codecs: Sequence[PayloadCodec]) -> None:
        self._codecs = codecs

    def with_context(self, context: SerializationContext) -> Self:
        """Pass the context to the codecs that use it."""
        return type(self)(
            [
                codec.with_context(context)
                if isinstance(codec, WithSerializationContext)
                else codec
                for codec in self._codecs
            ]
        )

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
