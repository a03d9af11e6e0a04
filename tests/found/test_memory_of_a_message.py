"""What one message takes of a worker's memory is bounded, whatever it holds."""

import tracemalloc

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from durable_analytics.wire.limits import INPUT_LIMIT_BYTES, MESSAGE_MEMORY_BYTES
from tests.support.activities import run

pytestmark = pytest.mark.slow

UNITS = {
    "empty lists": b"[]",
    "small objects": b'{"a":{}}',
    "numbers": b"0.5",
    "short texts": b'"ab"',
}


@pytest.mark.parametrize("share", [0.6, 0.99])
@pytest.mark.parametrize("strict", [b"true", b"false"])
@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_a_message_of_many_values(unit: bytes, strict: bytes, share: float) -> None:
    """Delivered, or refused for its size: in either case within the bound."""
    count = int(INPUT_LIMIT_BYTES * share) // (len(unit) + 1) - 50
    values = b",".join([unit] * count)
    data = (
        b'{"integration":"journy","strict":%b,"track":{"user_id":"u","event":"E","properties":'
        b'{"a":[%b]}}}' % (strict, values)
    )
    given = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))

    tracemalloc.start()
    try:
        run("Track.Request", given)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < MESSAGE_MEMORY_BYTES
