"""Batches as Validation and Request prepare them."""

import json
from typing import Any

from durable_analytics.delivery.batch_preparation import (
    BatchDefaults,
    PreparedBatch,
    prepare_batch,
)
from durable_analytics.delivery.integrations import Integration
from durable_analytics.providers import Provider
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
