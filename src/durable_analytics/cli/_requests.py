"""The requests that an integration would get for an input, without credentials."""

import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic_core import from_json

from durable_analytics.cli._inputs import Input
from durable_analytics.delivery.batch_preparation import (
    BatchDefaults,
    PreparedBatch,
    prepare_batch,
)
from durable_analytics.delivery.integrations import Integration
from durable_analytics.delivery.preparation import Defaults, prepare, route_message
from durable_analytics.delivery.routes import NotSentError
from durable_analytics.errors import DeliveryError
from durable_analytics.providers import HttpRequest
from durable_analytics.providers.masking import Masker
from durable_analytics.wire.keys import normalise
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH
from durable_analytics.wire.parsing import read_batch, read_input

_GZIP_MAGIC = b"\x1f\x8b"


def explain_input(given: Input, integration: Integration) -> JsonObject:
    """Return what an integration would get for an input.

    Args:
        given: The input; its own `integration` is ignored.
        integration: The integration.

    Returns:
        `integration`, `requests` (each `method`, `url`, `query`, `headers`, `body`), `rejected`
        (messages of a batch), `filtered` (why the message is not for it, or the messages of a
        batch; or null), `left_out` (fields without a place at the provider), `violations` (values
        that break the tracking plan), and `error`, which says why there is no request, or null.
    """
    explained: JsonObject = {
        "integration": integration.name,
        "requests": [],
        "rejected": [],
        "filtered": None,
        "left_out": {},
        "violations": {},
        "error": None,
    }
    explain = _batch if given.method is BATCH else _single
    try:
        return {**explained, **explain(given, integration)}
    except DeliveryError as error:
        return {**explained, "error": error.as_json()}


def _single(given: Input, integration: Integration) -> JsonObject:
    method, provider = given.method, integration.provider
    envelope, message = read_input(method, normalise(method, given.data))
    violations = Counter[str]()
    try:
        message = route_message(integration, message, envelope, violations)
    except NotSentError as not_sent:
        return {"filtered": not_sent.filtered}
    provider.require(method.key)
    defaults = Defaults(lambda: str(uuid4()), datetime.now(UTC))
    prepared = prepare(provider, message, envelope, defaults)
    request = provider.build(prepared.delivery)
    left_out = dict.fromkeys(sorted(prepared.delivery.left_out), 1)
    return {
        "requests": [_shown(request, integration)],
        "left_out": left_out,
        "violations": dict(violations),
    }


def _batch(given: Input, integration: Integration) -> JsonObject:
    now = datetime.now(UTC)
    batch = read_batch(given.data)
    prepared = prepare_batch(batch, integration, BatchDefaults(str(uuid4()), now))
    requests = [_shown(request, integration) for request in _batch_requests(prepared, now)]
    return {
        "requests": requests,
        "rejected": prepared.rejected,
        "filtered": prepared.filtered,
        "left_out": dict(prepared.left_out),
        "violations": dict(prepared.violations),
    }


def _batch_requests(prepared: PreparedBatch, now: datetime) -> Iterator[HttpRequest]:
    provider = prepared.integration.provider
    if not provider.batch_limits:
        yield from (message.build(provider, now) for message in prepared.messages)
        return
    for first, end in prepared.slices(now):
        messages = [message for message in prepared.messages if first <= message.index < end]
        yield replace(prepared, messages=messages).request(messages, now)


def _shown(request: HttpRequest, integration: Integration) -> JsonObject:
    headers = dict(request.headers)
    if content_type := request.content_type():
        headers = {"Content-Type": content_type, **headers}
    masked: JsonObject = Masker(integration.provider.configured_secrets())(
        {
            "method": request.method,
            "url": request.url,
            "query": dict(request.query),
            "headers": headers,
            "body": _body(request, headers.get("Content-Type")),
        }
    )
    return masked


def _body(request: HttpRequest, content_type: str | None) -> Any:
    """Return the JSON value, the list of the values of lines of JSON, or the text of a body."""
    content = request.content()
    if content is None:
        return None
    if content.startswith(_GZIP_MAGIC):
        content = gzip.decompress(content)
    try:
        if content_type == "application/x-ndjson":
            return [from_json(line) for line in content.splitlines()]
        return from_json(content)
    except ValueError:
        return content.decode(errors="replace")
