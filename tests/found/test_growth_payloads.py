"""Payloads of any encoding are decoded in proportion to their size, and within a bound."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import zstandard
from temporalio.api.common.v1 import Payload

from durable_analytics.temporal.codecs import ENCODING
from durable_analytics.wire.limits import PAYLOAD_LIMIT_BYTES
from tests.support.growth import assert_linear
from worker import data_converter

pytestmark = pytest.mark.slow


def plain(data: bytes, encoding: bytes = b"json/plain") -> Payload:
    """A payload that is not packed."""
    return Payload(metadata={"encoding": encoding}, data=data)


def packed(payload: Payload) -> Payload:
    """A packed one."""
    return plain(zstandard.compress(payload.SerializeToString()), ENCODING)


PAYLOADS: Mapping[str, tuple[Callable[[int], list[Payload]], int]] = {
    "one large text": (lambda n: [plain(b'"%b"' % (b"t" * n))], 2**20),
    "one large list": (lambda n: [plain(b"[%b0]" % (b"0," * n))], 2**16),
    "one large number": (lambda n: [plain(b"1" * n)], 2**20),
    "deep lists": (lambda n: [plain(b"[" * n)], 2**20),
    "no JSON": (lambda n: [plain(b"{" + b" " * n)], 2**20),
    "bytes": (lambda n: [plain(b"\0" * n, b"binary/plain")], 2**20),
    "an unknown encoding": (lambda n: [plain(b"\0" * n, b"other")], 2**20),
    "protobuf": (lambda n: [plain(b"\0" * n, b"binary/protobuf")], 2**20),
    "a long encoding": (lambda n: [plain(b"", b"e" * n)], 2**20),
    "many small ones": (lambda n: [plain(b"1")] * n, 2**14),
    "one packed text": (lambda n: [packed(plain(b'"%b"' % (b"t" * n)))], 2**20),
    "many packed ones": (lambda n: [packed(plain(b'"%b"' % (b"t" * 300)))] * n, 2**13),
    "many packed large ones": (lambda n: [packed(plain(b'"%b"' % (b"t" * 2**20)))] * n, 64),
    "many bombs": (lambda n: [packed(plain(b"t" * (2 * PAYLOAD_LIMIT_BYTES)))] * n, 2**12),
    "many broken ones": (lambda n: [plain(b"\x28\xb5\x2f\xfd broken", ENCODING)] * n, 2**13),
}


@pytest.mark.parametrize("payloads", PAYLOADS)
def test_payloads(payloads: str) -> None:
    """Of an input, by the converter of the worker."""
    make, largest = PAYLOADS[payloads]
    converter = data_converter(compress=True)

    async def decode(some: list[Payload]) -> None:
        await converter.decode(some)

    def prepare(size: int) -> Callable[[], object]:
        some = make(size)
        return lambda: asyncio.run(decode(some))

    assert_linear(prepare, largest)
