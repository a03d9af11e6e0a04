"""Preparation of a batch: valid messages are ready to send, wrong messages are rejected."""

import logging
import traceback
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from durable_analytics.delivery.fast_path import BatchMessage, FastPath
from durable_analytics.delivery.integrations import Integration
from durable_analytics.delivery.preparation import Defaults, prepare
from durable_analytics.delivery.routes import NotSentError, Route
from durable_analytics.errors import (
    DeliveryError,
    Internal,
    UnsupportedMethod,
    ValidationError,
)
from durable_analytics.providers import BatchDelivery, Delivery, HttpRequest, Provider
from durable_analytics.wire.contexts import is_left_out, merge_context
from durable_analytics.wire.json_reader import has_many_brackets, is_too_deep
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.keys import snake_case
from durable_analytics.wire.limits import PREPARED_LIMIT_BYTES
from durable_analytics.wire.messages import Context, JsonObject, Message, RequestOptions
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.parsing import (
    BatchInput,
    Envelope,
    batch_message_id,
    read_batch_message,
)
from durable_analytics.wire.plans import Filtered, FilteredMessage, Rejection
from durable_analytics.wire.rejections import reject

log = logging.getLogger("durable_analytics.internal")

_ANY_ITEM = b'{"":0}'


@dataclass(frozen=True, slots=True)
class BatchDefaults:
    """The ids and the time for messages that have none."""

    batch_id: str
    """A UUID, from which the ids of messages are generated."""

    started_at: datetime

    def of(self, index: int) -> Defaults:
        """Return the defaults of the message at this index."""
        return Defaults(lambda: batch_message_id({}, self.batch_id, index), self.started_at)


@dataclass(slots=True)
class PreparedMessage:
    """A message that is ready to send."""

    index: int
    """Its index in the messages of the whole input."""

    method: str
    message_id: str | None
    batch_key: str | None
    """The key of the endpoint that accepts it in a batch; None if it is sent alone."""

    item: bytes | None
    """Its JSON in a batch; None if it is sent alone."""

    delivery: Delivery[Message] | None = None
    """Its delivery, if it is sent alone."""

    def build(self, provider: Provider, sent_at: datetime) -> HttpRequest:
        """Return the request that sends only this message."""
        assert self.delivery  # noqa: S101  # set for a message that is sent alone
        return provider.build(replace(self.delivery, sent_at=sent_at))

    def rejected(self, error: DeliveryError) -> Rejection:
        """Return the rejection of this message for an output."""
        sent = {"type": self.method, "message_id": self.message_id}
        return reject(self.index, sent, error)


@dataclass(slots=True)
class PreparedBatch:
    """The messages of a batch, or of a slice of a batch."""

    integration: Integration
    options: RequestOptions
    defaults: BatchDefaults
    messages: list[PreparedMessage] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    filtered: list[FilteredMessage] = field(default_factory=list)
    """The messages that are rightly not sent."""

    violations: Counter[str] = field(default_factory=Counter)
    """The paths of values that break the tracking plan, and in how many messages."""

    left_out: Counter[str] = field(default_factory=Counter)
    """The fields that the provider has no field for, and in how many messages."""

    def size(self) -> int:
        """Return the size of the messages in bytes."""
        return sum(len(message.item or b"") for message in self.messages)

    def request(self, messages: list[PreparedMessage], sent_at: datetime) -> HttpRequest:
        """Return the request that sends these messages.

        Raises:
            ValidationError: The messages need more than one request.
        """
        provider = self.integration.provider
        first = messages[0]
        if first.item is None and len(messages) == 1:
            return first.build(provider, sent_at)
        if len(list(self.slices(sent_at))) > 1:
            reason = "do not fit into one request: start the workflow Batch, or send fewer messages"
            raise ValidationError.at("messages", reason)
        items = [message.item for message in messages if message.item is not None]
        batch = BatchDelivery(
            first.batch_key or "",
            items,
            sent_at,
            self.options,
            f"{self.defaults.batch_id}-{first.index}-{messages[-1].index + 1}",
            self.defaults.started_at,
        )
        return provider.build_batch(batch)

    def slices(self, now: datetime) -> Iterator[tuple[int, int]]:
        """Yield the ranges of the input's messages that fit into one request each, in order."""
        if not self.integration.provider.batch_limits:
            if self.messages:
                yield self.messages[0].index, self.messages[-1].index + 1
            return
        limits = self._slice_limits(now)
        start = size = count = beside_item = body_bytes = most = 0
        key: str | None = None
        for message in self.messages:
            item_bytes = len(message.item or b"")
            size += item_bytes + beside_item
            if message.batch_key != key or size > body_bytes or count == most:
                if count:
                    yield start, message.index
                start, count, key = message.index, 0, message.batch_key
                size, beside_item, body_bytes, most = limits[key]
                size += item_bytes + beside_item
            count += 1
        if count:
            yield start, self.messages[-1].index + 1

    def _slice_limits(self, now: datetime) -> dict[str | None, tuple[int, int, int, int]]:
        """Return the sizes and limits of a request, by the key of the endpoint.

        The bytes of a body without items, the bytes that it has beside each item, the limit of the
        body in bytes, and the limit of its messages. Credentials count where the body carries them.
        """
        limits: dict[str | None, tuple[int, int, int, int]] = {None: (0, 0, 0, 1)}
        for key in {message.batch_key for message in self.messages}:
            if key is not None:
                empty, one = self._body_size(key, [], now), self._body_size(key, [_ANY_ITEM], now)
                beside_item = len(b",") + one - empty - len(_ANY_ITEM)
                limit = self.integration.provider.batch_limits[key]
                limits[key] = empty, beside_item, limit.body_bytes, limit.messages
        return limits

    def _body_size(self, key: str, items: list[bytes], now: datetime) -> int:
        provider = self.integration.provider
        request = provider.build_batch(BatchDelivery(key, items, now, self.options))
        return len(provider.authorize(request, delivery_id="", sent_at=now).content() or b"")


def prepare_batch(
    batch: BatchInput,
    integration: Integration,
    defaults: BatchDefaults,
    first: int = 0,
    skipped: Collection[int] = (),
    *,
    is_filtered: bool = False,
) -> PreparedBatch:
    """Check and prepare each message, with the limits of its provider.

    A message that the integration must not get is not checked.

    Args:
        batch: The input.
        integration: The integration to deliver to.
        defaults: The ids and the time for messages that have none.
        first: The index of the first message in the whole input, for a slice of it.
        skipped: The indexes, in the whole input, of messages that were already rejected or
            filtered.
        is_filtered: Whether that was done before.

    Raises:
        ValidationError: The context, which is added to each message, makes the batch too large.
    """
    envelope = batch.envelope
    names = envelope.deliver_to
    limit_bytes = PREPARED_LIMIT_BYTES // len(names or [1])
    _limit_copies(batch, integration.provider, limit_bytes)
    size = 0
    prepared = PreparedBatch(integration, envelope.options, defaults)
    route = integration.route.with_source_plan(envelope.tracking_plan)
    passes = is_filtered and not route.changes_messages
    only_integrations = route.reads_only_integrations
    violations = Counter[str]()
    if route.needs_whole_messages:
        # Each message has its complete context.
        envelope = replace(envelope, context={})
    plain = integration.provider.plain_items()
    fast_path = FastPath(integration.provider, plain, envelope, defaults.of) if plain else None
    for index, message in enumerate(batch.messages, first):
        if index in skipped:
            continue
        violations.clear()
        try:
            if passes or (only_integrations and not _has_integrations(message)):
                routed = message
            else:
                routed = _routed(
                    route, message, batch.envelope, violations, is_filtered=is_filtered
                )
            own_envelope = envelope
            if route.needs_whole_messages and _leaves_out_context(message, envelope):
                own_envelope = replace(envelope, leaves_out_context=True)
            ready = _prepare_message(index, routed, own_envelope, prepared, fast_path)
        except NotSentError as not_sent:
            prepared.filtered.append(_filtered(index, message, prepared, not_sent.filtered))
            continue
        except DeliveryError as error:
            if names is not None and isinstance(error, UnsupportedMethod):
                unsupported: Filtered = {"by": "unsupported", "reason": error.message}
                prepared.filtered.append(_filtered(index, message, prepared, unsupported))
                continue
            prepared.rejected.append(reject(index, message, error))
            continue
        except Exception as error:  # noqa: BLE001  # a bug concerns only this message
            prepared.rejected.append(reject(index, message, _log_bug(error)))
            continue
        prepared.messages.append(ready)
        if violations:
            prepared.violations.update(violations)
        size += len(ready.item or b"")
        if size > limit_bytes:
            reason = (
                "is too large: added to each message, "
                f"it makes more than {limit_bytes} bytes in total"
            )
            raise ValidationError.at("context", reason)
    return prepared


def _has_integrations(message: Any) -> bool:
    return isinstance(message, dict) and "integrations" in message


def _routed(
    route: Route,
    message: Any,
    envelope: Envelope,
    violations: Counter[str],
    *,
    is_filtered: bool,
) -> Any:
    """Return the message that the integration gets; return an invalid message unchanged."""
    method = message.get("type") if isinstance(message, dict) else None
    if (
        not isinstance(method, str)
        or method not in METHODS
        or (is_filtered and not route.changes_messages)
    ):
        return message
    context = envelope.context
    if route.needs_whole_messages:
        message = _with_context(snake_case(message, METHODS[method].message, ""), envelope)
        context = {}
    if is_filtered:
        return route.change_selected(method, message)
    return route.select(method, message, context, violations)


def _with_context(message: JsonObject, envelope: Envelope) -> JsonObject:
    """Return a message with its complete context."""
    own = message.get("context")
    if not isinstance(own, dict):
        if own is not None and envelope.strict:
            return message  # It is refused.
        own = {}
    if envelope.strict:
        own = snake_case(own, Context, "context")
    return {**message, "context": merge_context(envelope.context, own)}


def _leaves_out_context(message: Any, envelope: Envelope) -> bool:
    return not envelope.strict and isinstance(message, dict) and is_left_out(message.get("context"))


def _filtered(
    index: int, message: JsonObject, prepared: PreparedBatch, filtered: Filtered
) -> FilteredMessage:
    message_id = batch_message_id(message, prepared.defaults.batch_id, index)
    return {"index": index, "message_id": message_id, **filtered}


def _limit_copies(batch: BatchInput, provider: Provider, limit_bytes: int) -> None:
    """Refuse what is shared by too many messages, before it is added to each of them."""
    envelope, count = batch.envelope, len(batch.messages)
    shared = {"context": envelope.context}
    if not provider.batch_limits:
        shared["request_options"] = envelope.options.model_dump(mode="json")
    for name, value in shared.items():
        try:
            size = len(to_json(value))
        except PydanticSerializationError:
            continue  # each message is refused for it
        if size * count > limit_bytes:
            reason = (
                f"is too large: {size} bytes, added to each of {count} messages, "
                f"are more than {limit_bytes} bytes in total"
            )
            raise ValidationError.at(name, reason)


def _prepare_message(
    index: int,
    message: Any,
    envelope: Envelope,
    prepared: PreparedBatch,
    fast_path: FastPath | None,
) -> PreparedMessage:
    provider = prepared.integration.provider
    if fast_path and not envelope.leaves_out_context:
        ready = _prepare_fast(provider, fast_path, index, message)
        if ready:
            return ready
    fields = read_batch_message(envelope, message)
    delivery = prepare(provider, fields, envelope, prepared.defaults.of(index)).delivery
    method, message_id = delivery.method, delivery.message.message_id
    is_item = bool(provider.batch_limits) and method != "call"
    key = provider.batch_key(method, delivery.message) if is_item else None
    if key is None:
        provider.build(delivery)
        ready = PreparedMessage(index, method, message_id, None, None, delivery)
    else:
        item = provider.item(delivery)
        ready = _write_message(provider, index, (key, method, message_id, item))
    prepared.left_out.update(delivery.left_out)
    return ready


def _prepare_fast(
    provider: Provider, fast_path: FastPath, index: int, message: Any
) -> PreparedMessage | None:
    """Prepare a message that is certainly valid; None if it needs the full check."""
    try:
        plain = fast_path.read(index, message)
        ready = plain and _write_message(provider, index, plain)
    except ValidationError:
        return None  # the full check names all that is wrong in the message
    if ready and has_many_brackets(ready.item or b"") and is_too_deep(message):
        return None
    return ready


def _log_bug(error: Exception) -> Internal:
    """Log an unexpected exception by type and location, without its message (user data)."""
    name = type(error).__name__
    where = traceback.format_tb(error.__traceback__)
    log.error("internal error", extra={"exception": name, "where": where})
    return Internal(f"the check raised an unexpected {name}; the worker's log has the location")


def _write_message(provider: Provider, index: int, message: BatchMessage) -> PreparedMessage:
    key, method, message_id, item = message
    content = write_json(item)
    size, limit = len(content), provider.batch_limits[key].body_bytes
    limit = min(provider.message_limit_bytes or limit, limit)
    if size > limit:
        reason = f"is too large: it has {size} bytes, and {provider.title} accepts {limit}"
        raise ValidationError.at(method, reason)
    return PreparedMessage(index, method, message_id, key, content)
