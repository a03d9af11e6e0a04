"""JSON that is wrong in very many places is refused within seconds, beside the workflow."""

import json
import time
import uuid
from datetime import UTC, datetime

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from activities.one_by_one import chains
from activities.prepared_batches import PreparedBatches
from durable_analytics.delivery.batch_preparation import (
    BatchDefaults,
    PreparedBatch,
    PreparedMessage,
)
from durable_analytics.delivery.integrations import Integration
from durable_analytics.providers import Delivery
from durable_analytics.providers.trakio import Trakio
from durable_analytics.testing import StandIn
from durable_analytics.wire.json_reader import Unreadable, read_parts
from durable_analytics.wire.messages import Alias, RequestOptions
from tests.support.json_objects import Execute


def raw(body: bytes) -> RawValue:
    """A payload as a stranger writes it."""
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=body))


DEEP = b"[" * 210 + b"]" * 210


async def test_very_many_values_nested_too_deeply(execute: Execute) -> None:
    """The workflow's thread read them again, and the SDK took that for a deadlock, for ever."""
    parts = b",".join(b'"k%d":%b' % (number, DEEP) for number in range(1000))

    output = await execute("Track", raw(b'{"track":{"user_id":"u","event":"E"},%b}' % parts))

    assert output["error"]["type"] == "ValidationError"
    assert output["error"]["fields"][0]["path"] == "k0.0"


@pytest.mark.parametrize("number", [b"NaN", b"1e400", b"-Infinity"])
async def test_an_id_that_is_no_number_of_json(execute: Execute, number: bytes) -> None:
    """It did go out as the text "nan"."""
    good = b'{"type":"track","user_id":"u","event":"E"}'
    bad = good.replace(b'"u"', number)

    output = await execute("Batch", raw(b'{"strict":false,"messages":[%b,%b]}' % (bad, good)))

    assert output["accepted"] == 1
    assert output["rejected"][0]["error"]["fields"][0]["path"] == "messages.0.user_id"


@pytest.mark.parametrize("number", [b"NaN", b"1e400", b"-Infinity"])
@pytest.mark.parametrize("key", ["query", "body"])
async def test_options_that_are_no_number_of_json(
    execute: Execute, standin: StandIn, key: str, number: bytes
) -> None:
    """A batch did send `?a=nan`; now it is refused as a message by itself is."""
    options = b'"request_options":{"%b":{"a":%b}}' % (key.encode(), number)
    message = b'{"user_id":"u","event":"E"'

    single = await execute("Track", raw(b'{"track":%b},%b}' % (message, options)))
    batch = await execute(
        "Batch", raw(b'{"messages":[%b,"type":"track"}],%b}' % (message, options))
    )

    assert single["error"]["fields"] == batch["error"]["fields"]
    assert batch["error"]["fields"][0]["path"] == f"request_options.{key}.a"
    assert standin.requests == []


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud83d", "\ufffd"),
        (r"\ude00", "\ufffd"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\\ufffd"),
        (r"\ud83d\n", "\ufffd\n"),
        (r"\uD83D\u0041", "\ufffdA"),
    ],
)
def test_half_a_surrogate_pair(written: str, read: str) -> None:
    """Becomes U+FFFD, whatever stands beside it."""
    assert read_parts(f'{{"a":"{written}","b":"\\udc00"}}'.encode()) == {"a": read, "b": "\ufffd"}


@pytest.mark.parametrize("levels", [100, 101])
def test_the_deepest_nesting(levels: int) -> None:
    """100 levels of a value are read, one more is named."""
    body = b'{"a":%b%b,"b":NaN}' % (b"[" * levels, b"]" * levels)

    value = read_parts(body)["a"]

    assert isinstance(value, Unreadable) == (levels > 100)
    if isinstance(value, Unreadable):
        assert json.dumps(value.problem.path) == '"0"'


def test_many_looks_along_a_long_chain_of_aliases() -> None:
    """900 aliases from the last to the first, and one with very many ids of the last person."""
    pairs: list[tuple[str, str | list[str]]] = [(str(n), str(n + 1)) for n in range(900, 0, -1)]
    pairs.append(("x", ["901"] * 100_000))
    ready = [
        PreparedMessage(
            index,
            "alias",
            None,
            None,
            None,
            Delivery("alias", Alias(previous_user_id=first, new_user_id=second), datetime.now(UTC)),
        )
        for index, (first, second) in enumerate(pairs)
    ]

    began = time.process_time()
    found = chains(ready)

    assert len(found) == 1
    assert time.process_time() - began < 5  # 20 s and more where each look walks the chain


def test_a_batch_that_is_prepared_again_takes_no_more_room() -> None:
    """The room ran out, and every batch of the worker failed."""
    provider = Trakio.model_validate({"token": "t"})
    batch = PreparedBatch(
        Integration("trakio", provider),
        RequestOptions(),
        BatchDefaults(str(uuid.uuid4()), datetime.now(UTC)),
        [PreparedMessage(0, "track", None, "batch", b"x" * 60)],
    )
    prepared = PreparedBatches(most_bytes=100)
    batch_id = str(uuid.uuid4())

    for _ in range(5):
        prepared.keep(batch_id, batch, [(0, 1)])

    assert prepared.take("trakio", batch_id, [(0, 1)])
