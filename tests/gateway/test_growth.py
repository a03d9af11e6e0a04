"""Processing time and memory grow linearly with the size of a body, whatever it holds."""

import contextlib
import gc
import time
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from gateway.bodies import decompress, parse_object_inline
from gateway.errors import RequestError
from gateway.partition import read_parts_of_batch
from gateway.rate_limit import RateLimit
from gateway.settings import SourceSettings
from gateway.sources import Source
from gateway.translation import Arrival, read_single

pytestmark = pytest.mark.slow

SETTINGS = SourceSettings(
    write_key=SecretStr("k"), body_limit_bytes=16 * 1024 * 1024, messages_limit=1_000_000
)
SOURCE = Source("source", SETTINGS, RateLimit(None))
ARRIVAL = Arrival(datetime.now(UTC), "203.0.113.7")

UNIT = 30_000
"""The approximate size of the smallest body of each kind, in bytes."""

DOUBLINGS = 3


def repeated(item: bytes, size: int) -> bytes:
    """Return items of a list."""
    return b",".join([item] * (size // (len(item) + 1)))


def keys(size: int) -> bytes:
    """Return members of an object."""
    return b",".join(b'"key-%d":%d' % (n, n) for n in range(size // 17))


def half(size: int) -> bytes:
    """Return items of this size, after one that the fast parser rejects."""
    return b'"\\ud83d",' + repeated(rb'{"a":"\ud83d"}', size)


ONE: dict[str, Callable[[int], bytes]] = {
    "text": lambda size: b'{"event":"%b"}' % (b"x" * size),
    "escapes": lambda size: b'{"event":"%b"}' % (rb"\u00e9" * (size // 6)),
    "halves": lambda size: b'{"event":"%b"}' % (rb"\ud83d" * (size // 6)),
    "lists": lambda size: b'{"a":[%b]}' % repeated(b"[]", size),
    "objects": lambda size: b'{"a":[%b]}' % repeated(b'{"a":{}}', size),
    "keys": lambda size: b'{"a":{%b}}' % keys(size),
    "keys at the top": lambda size: b"{%b}" % keys(size),
    "digits": lambda size: b'{"a":[%b]}' % repeated(b"9" * 4300, size),
    "too many digits": lambda size: b'{"a":%b}' % (b"9" * size),
    "a long id": lambda size: b'{"messageId":"%b"}' % (b"x" * size),
    "a long key over numbers": lambda size: (
        b'{"a":{"%b":[%b,1e999]}}' % (b"k" * (size // 2), repeated(b"1", size // 2))
    ),
    "infinities": lambda size: b'{"a":[%b]}' % repeated(b"1e999", size),
    "NaN": lambda size: b'{"a":[%b]}' % repeated(b"NaN", size),
    "deep": lambda size: b'{"a":%b1%b}' % (b"[" * (size // 2), b"]" * (size // 2)),
    "open": lambda size: b'{"a":' + b"[" * size,
    "open texts": lambda size: b'{"a":' + b"[" * 3000 + b'"\\' * (size // 2),
    "halves in a list": lambda size: b'{"a":[%b]}' % half(size),
    "space": lambda size: b'{"a"%b:1}' % (b" " * size),
    "space before half a pair": lambda size: b'{"a"%b:"\\ud83d"}' % (b" " * size),
    "no JSON": lambda size: b"{" * size,
}

MANY: dict[str, Callable[[int], bytes]] = {
    "numbers": lambda size: b'{"batch":[%b]}' % repeated(b"1", size),
    "messages": lambda size: b'{"batch":[%b]}' % repeated(b'{"type":"track"}', size),
    "halves": lambda size: b'{"batch":[%b]}' % half(size),
    "deep ones": lambda size: b'{"batch":[%b]}' % repeated(b"[" * 2000 + b"]" * 2000, size),
    "calls": lambda size: b'{"batch":[%b]}' % repeated(b'{"type":"call"}', size),
    "one long call": lambda size: b'{"batch":[{"type":"call","a":"%b"}]}' % (b"x" * size),
    "bad ones": lambda size: b'{"batch":[%b]}' % repeated(b'{"a":NaN,"type":"page"}', size),
    "not UTF-8": lambda size: b'{"batch":[%b]}' % repeated(b'"\xff"', size),
    "a context": lambda size: b'{"batch":[{}],"context":{%b}}' % keys(size),
    "times": lambda size: (
        b'{"batch":[%b],"sentAt":"2026-01-01T00:00:00Z"}'
        % repeated(b'{"type":"track","timestamp":"2026-01-01T00:00:00Z"}', size)
    ),
}


def take_one(body: bytes) -> None:
    """Process a body with a single message."""
    with contextlib.suppress(RequestError):
        read_single("track", parse_object_inline(body), ARRIVAL)


def take_many(body: bytes) -> None:
    """Process a body with a list."""
    with contextlib.suppress(RequestError):
        read_parts_of_batch(parse_object_inline(body, "batch"), ARRIVAL, SOURCE)


def take_members(body: bytes) -> None:
    """Process a compressed body."""
    with contextlib.suppress(RequestError):
        decompress(body, ["gzip"], 16 * 1024 * 1024)


def members(size: int) -> bytes:
    """Return many concatenated gzip files."""
    packing = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return (packing.compress(b"x") + packing.flush()) * (size // 21)


KINDS = (
    {f"one: {name}": (take_one, make) for name, make in ONE.items()}
    | {f"many: {name}": (take_many, make) for name, make in MANY.items()}
    | {"packed: members": (take_members, members)}
)


def seconds(take: Callable[[bytes], None], body: bytes) -> float:
    """The CPU time of this process; the best of three runs."""
    took = []
    for _ in range(3):
        began = time.process_time()
        take(body)
        took.append(time.process_time() - began)
    return max(min(took), 1e-4)


@pytest.mark.parametrize(("take", "make"), KINDS.values(), ids=KINDS)
def test_processing_time_grows_linearly(
    take: Callable[[bytes], None], make: Callable[[int], bytes]
) -> None:
    """Twice the size takes less than three times the CPU time."""
    small, large = make(UNIT), make(UNIT * 2**DOUBLINGS)

    gc.disable()
    try:
        ratio = seconds(take, large) / seconds(take, small)
    finally:
        gc.enable()

    assert ratio < 3**DOUBLINGS


@pytest.mark.parametrize(("take", "make"), KINDS.values(), ids=KINDS)
def test_memory_grows_linearly(take: Callable[[bytes], None], make: Callable[[int], bytes]) -> None:
    """The peak is a bounded multiple of the size."""
    peaks = []
    for size in (UNIT // 2, 2 * UNIT):
        body = make(size)
        tracemalloc.start()
        take(body)
        peaks.append(tracemalloc.get_traced_memory()[1] / len(body))
        tracemalloc.stop()

    assert peaks[1] < 2 * peaks[0] + 10
    assert peaks[1] < 600
