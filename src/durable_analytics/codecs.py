"""Payload codecs: what Temporal stores of inputs and outputs, made smaller. Needs `[codecs]`.

Compressed payloads are always read; whether they are written is a setting, off by default, since
the `temporal` command line and the UI show them as they are stored.
"""

import dataclasses
from collections.abc import Sequence

import zstandard
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, PayloadCodec

ENCODING = b"binary/zstd"

_LEAST_BYTES = 256
"""Smaller payloads gain nothing: a plan without a policy of its own, a heartbeat."""

_LEVEL = 1
"""For a thousand typical messages a third faster than the library's own choice, 3, and smaller."""

_LARGEST_BYTES = 64 * 1024 * 1024
"""Temporal takes 2 MiB; what unpacks to more than this was not packed here."""


class ZstdCodec(PayloadCodec):
    """Compresses payloads with zstd where that makes them smaller.

    Args:
        writes: Whether to compress; packed payloads are unpacked in any case.
    """

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return [_packed(payload) for payload in payloads] if self._writes else list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return [_unpacked(payload) for payload in payloads]


def _packed(payload: Payload) -> Payload:
    if len(payload.data) < _LEAST_BYTES:
        return payload
    data = zstandard.compress(payload.SerializeToString(), _LEVEL)
    if len(data) >= len(payload.data):
        return payload
    return Payload(metadata={"encoding": ENCODING}, data=data)


def _unpacked(payload: Payload) -> Payload:
    if payload.metadata.get("encoding") != ENCODING:
        return payload
    try:
        if zstandard.frame_content_size(payload.data) > _LARGEST_BYTES:
            return payload
        return Payload.FromString(zstandard.decompress(payload.data, _LARGEST_BYTES))
    except (zstandard.ZstdError, DecodeError):
        # Left as it is, so that whoever reads it can say what is wrong: an error here would fail
        # the workflow task, which Temporal retries for ever.
        return payload


def data_converter(*, compress: bool, base: DataConverter = DataConverter.default) -> DataConverter:
    """A data converter that reads compressed payloads, and writes them where asked to.

    Args:
        compress: Whether to write them.
        base: The converter to add this to; its own codec, if any, comes after compression, so that
            what it encrypts is small.

    >>> client = await Client.connect(address, data_converter=data_converter(compress=True))
    """
    codec: PayloadCodec = ZstdCodec(writes=compress)
    if base.payload_codec:
        codec = _Chain([codec, base.payload_codec])
    return dataclasses.replace(base, payload_codec=codec)


class _Chain(PayloadCodec):
    """Codecs one after the other; decoding goes back the same way."""

    def __init__(self, codecs: Sequence[PayloadCodec]) -> None:
        self._codecs = codecs

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
