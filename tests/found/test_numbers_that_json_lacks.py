"""NaN and infinities are refused in the same words wherever they stand, alone and in a batch."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from durable_analytics.delivery.batch_preparation import prepare_batch
from durable_analytics.delivery.integrations import Integration
from durable_analytics.delivery.preparation import prepare, route_message
from durable_analytics.errors import DeliveryError, ValidationError
from durable_analytics.providers import Provider
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.keys import normalise
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.parsing import read_batch, read_input
from tests.providers.building import ACCOUNTS
from tests.support.json_objects import Json
from tests.support.method_cases import CASES
from tests.support.prepared_batches import DEFAULTS
from tests.support.raw_payloads import raw

WORDS = "is not a finite number (JSON has no NaN and no infinity): send another value"
HERE = "@here@"
"""Stands for the number."""

NUMBERS = ["NaN", "-Infinity", "1e999"]
PLACES = [
    "timestamp",
    "message_id",
    "unknown",
    "integrations",
    "integrations.All",
    "properties.a",
    "properties.a.b",
    "properties.revenue",
    "traits.a",
    "user_id",
    "channel",
]
SHARED_PLACES = [
    "context.a",
    "context.app.name",
    "policies.request",
    "request_options.headers.a",
    "request_options.query.a",
    "request_options.body.a",
    "integration",
    "tracking_plan.a",
    "unknown",
]


def set_at(data: Json, path: str) -> Json:
    """A copy in which the number stands at a path."""
    copy: Json = json.loads(json.dumps(data))
    *steps, last = path.split(".")
    inner = copy
    for step in steps:
        inner = inner.setdefault(step, {})
    inner[last] = HERE
    return copy


def refusal_alone(provider: Provider, key: str, text: bytes) -> str:
    """Why a single message is refused."""
    try:
        envelope, fields = read_input(METHODS[key], normalise(METHODS[key], decode(raw(text))))
        fields = route_message(Integration("tested", provider), fields, envelope, Counter())
        provider.build(prepare(provider, fields, envelope, DEFAULTS.of(0)).delivery)
    except ValidationError as error:
        return error.message
    return ""


def refusal_in_a_batch(provider: Provider, text: bytes) -> str:
    """Why the only message of a batch is refused."""
    try:
        batch = prepare_batch(read_batch(raw(text)), Integration("tested", provider), DEFAULTS)
    except DeliveryError as error:
        return error.message
    return batch.rejected[0]["error"]["message"] if batch.rejected else ""


def cases() -> Iterator[tuple[str, str, bool]]:
    """Each provider with each of its methods, strict and not."""
    for name, provider in ACCOUNTS.items():
        for key in sorted(CASES.keys() & provider.builders.keys()):
            yield name, key, True
            yield name, key, False


@pytest.mark.parametrize(("name", "key", "strict"), list(cases()))
def test_the_words_are_the_same(name: str, key: str, strict: bool) -> None:
    provider, case = ACCOUNTS[name], CASES[key]
    message = {**case.required, **case.chosen, **case.more}
    for number in NUMBERS:
        for path in PLACES:
            bad = set_at(message, path)
            assert_refused(provider, key, bad, {"strict": strict}, f"{key}.{path}", number)
        for path in SHARED_PLACES:
            beside = set_at({"strict": strict}, path)
            assert_refused(provider, key, message, beside, path, number)


def assert_refused(
    provider: Provider, key: str, message: Json, beside: Json, path: str, number: str
) -> None:
    def written(data: Json) -> bytes:
        return json.dumps(data).replace(f'"{HERE}"', number).encode()

    alone = refusal_alone(provider, key, written({**beside, key: message}))
    in_a_batch = refusal_in_a_batch(
        provider, written({**beside, "messages": [{"type": key, **message}]})
    )

    assert alone == f"{path} {WORDS}"
    inside = path.removeprefix(f"{key}.")
    assert in_a_batch == (f"messages.0.{inside} {WORDS}" if inside != path else alone)
