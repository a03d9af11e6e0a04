"""Outputs are written as any other value, in less time."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from durable_analytics.temporal.converter import DATA_CONVERTER
from durable_analytics.wire.json_writer import PureJson


def nested(levels: int) -> Any:
    """Lists in lists, this many levels."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


VALUES: dict[str, Any] = {
    "every type": [None, True, 1, -0.5, 10**40, "text", [], {}],
    "the order of keys": {"status": "success", "a": 1},
    "not ASCII": "é 😀 \u2028 \x00",
    "half of an emoji": "\ud83d",
    "nested deeply": nested(400),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
async def test_the_same_json(value: Any) -> None:
    """Whatever an output holds, also what the fast writer refuses."""
    plain, pure = await DATA_CONVERTER.encode([{"value": value}, PureJson(value=value)])

    assert pure.metadata == plain.metadata
    assert json.dumps(json.loads(pure.data)) == json.dumps(json.loads(plain.data))


@pytest.mark.slow
def test_a_large_output_takes_less_time() -> None:
    """No other message goes on while it is written."""
    values = {"tokens": ["token"] * 80_000}
    convert = DATA_CONVERTER.payload_converter.to_payloads

    pure = cpu_seconds(lambda: convert([PureJson(values)]))

    assert pure < 0.6 * cpu_seconds(lambda: convert([values]))


def cpu_seconds(run: Callable[[], object]) -> float:
    """The least CPU time of several runs."""
    seconds = []
    for _ in range(5):
        started = time.thread_time()
        run()
        seconds.append(time.thread_time() - started)
    return min(seconds)
