"""Batches as Validation and Request prepare them, and how responses to them are classified."""

import json
from collections.abc import Mapping
from typing import Any

from durable_analytics.delivery.batch_preparation import (
    BatchDefaults,
    PreparedBatch,
    prepare_batch,
)
from durable_analytics.delivery.integrations import Integration
from durable_analytics.errors import DeliveryError
from durable_analytics.providers import HttpResponse, Provider
from durable_analytics.wire.parsing import read_batch
from tests.providers.building import SENT_AT
from tests.support.json_objects import Json

DEFAULTS = BatchDefaults("0b2b6a0e-93f5-5a6c-b0f7-1d8d5b3a2c11", SENT_AT)


def prepared(provider: Provider, messages: list[Json], **input: Any) -> PreparedBatch:
    """A batch as Validation and Request prepare it."""
    batch = read_batch({**input, "messages": messages})
    return prepare_batch(batch, Integration("tested", provider), DEFAULTS)


def body(provider: Provider, messages: list[Json], **input: Any) -> Json:
    """The one request's body of messages that are all good."""
    batch = prepared(provider, messages, **input)
    assert batch.rejected == []
    parsed: Json = json.loads(batch.request(batch.messages, SENT_AT).content() or b"")
    return parsed


def slices(provider: Provider, message: Json, count: int) -> list[tuple[int, int]]:
    """The slices of a batch that holds a message so many times."""
    return [*prepared(provider, [message] * count).slices(SENT_AT)]


def failures_by_index(
    provider: Provider, response: HttpResponse, count: int
) -> Mapping[int, DeliveryError]:
    """The failure of each message that a response to so many messages refuses."""
    failures = provider.classify_batch(response, count)
    assert not isinstance(failures, DeliveryError)
    return failures


def failure_types(
    provider: Provider, response: HttpResponse, count: int
) -> type[DeliveryError] | dict[int, type[DeliveryError]]:
    """The type of the failure of all messages of a batch, or the types by index."""
    failures = provider.classify_batch(response, count)
    if isinstance(failures, DeliveryError):
        return type(failures)
    return {index: type(failure) for index, failure in failures.items()}
