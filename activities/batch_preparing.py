"""From the input of a batch to its messages as they go out, the good ones apart from the bad."""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic_core import PydanticSerializationError, to_json

from activities.preparing import check_date
from durable_analytics.batches import Batch, Item, id_of, read_item, rejection
from durable_analytics.errors import DeliveryError, ValidationError
from durable_analytics.integrations import Integration
from durable_analytics.messages import JsonObject, Message, RequestOptions, instant
from durable_analytics.providers import Delivery, HttpRequest, Provider
from durable_analytics.reading import needs_message_id, not_json, read_message

_PREPARED_LIMIT_BYTES = 16 * 1024 * 1024
"""Of all messages together: eight times what an input may hold."""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """What the messages get that have no id or time of their own."""

    batch_id: str
    """The messages' ids follow from it."""

    started_at: datetime


@dataclass(slots=True)
class Ready:
    """A message that can go out."""

    index: int
    """Its place among the messages of the whole input."""

    method: str
    message_id: str | None
    content: bytes | None
    """As it stands in a batch; None where the vendor takes it by itself alone."""

    delivery: Delivery[Message] | None = None
    """Where it goes by itself alone."""

    def build(self, provider: Provider, sent_at: datetime) -> HttpRequest:
        """The request for this message alone."""
        assert self.delivery  # noqa: S101  # or it stands in a batch
        return provider.build(self.delivery, sent_at)

    def rejected(self, error: DeliveryError) -> JsonObject:
        """What an output says of it when the provider did not take it."""
        sent = {"type": self.method, "message_id": self.message_id}
        return rejection(self.index, sent, error)


@dataclass(slots=True)
class PreparedBatch:
    """All of a batch, or of a slice of one."""

    integration: Integration
    options: RequestOptions
    ready: list[Ready] = field(default_factory=list)
    rejected: list[JsonObject] = field(default_factory=list)
    methods: frozenset[str] = frozenset()
    """Those that the account has."""

    def size(self) -> int:
        """The bytes of the messages."""
        return sum(len(one.content or b"") for one in self.ready)

    def request(self, sent_at: datetime) -> HttpRequest:
        """The one request that carries all of it.

        Raises:
            ValidationError: It takes several.
        """
        provider = self.integration.provider
        if len(self.ready) == 1 and self.ready[0].content is None:
            return self.ready[0].build(provider, sent_at)
        if len(list(self.slices(sent_at))) > 1:
            told = "do not fit one request: run the workflow Batch, or send fewer"
            raise ValidationError.at("messages", told)
        items = [one.content for one in self.ready if one.content is not None]
        return provider.build_batch(items, self.options, sent_at)

    def slices(self, now: datetime) -> Iterator[tuple[int, int]]:
        """The ranges of the input's messages that fit one request each, in order."""
        provider = self.integration.provider
        limits = provider.batch_limits
        if limits is None:
            if self.ready:
                yield self.ready[0].index, self.ready[-1].index + 1
            return
        envelope = len(provider.build_batch([], self.options, now).content() or b"")
        start, size, count = -1, envelope, 0
        for one in self.ready:
            length = 0 if one.content is None else len(one.content) + 1
            full = size + length > limits.body_bytes or count == limits.messages
            if count and (full or one.content is None):
                yield start, one.index
                count = 0
            if not count:
                start, size = one.index, envelope
            if one.content is None:
                yield one.index, one.index + 1
                continue
            size, count = size + length, count + 1
        if count:
            yield start, self.ready[-1].index + 1


def prepare_batch(  # noqa: PLR0917  # as many as a batch has sides
    batch: Batch,
    integration: Integration,
    made_up: MadeUp,
    now: datetime,
    first: int = 0,
    skipped: Collection[int] = (),
) -> PreparedBatch:
    """Check each message by itself, its provider's limits included.

    Args:
        batch: The input.
        integration: Where it goes.
        made_up: What messages get that lack it.
        now: The time for what is built only to be checked.
        first: The place of the first message in the whole input, for a slice of it.
        skipped: The places, in the whole input, of messages that are rejected already.

    Raises:
        ValidationError: The context, which goes with each message, makes too much of them.
    """
    size = 0
    options = batch.input.request_options or RequestOptions()
    methods = frozenset(integration.provider.methods())
    prepared = PreparedBatch(integration, options, methods=methods)
    for index, message in enumerate(batch.messages, first):
        if index in skipped:
            continue
        try:
            item = read_item(batch, message)
            one = _ready(index, item, batch, prepared, made_up, now)
            prepared.ready.append(one)
            size += len(one.content or b"")
        except DeliveryError as error:
            prepared.rejected.append(rejection(index, message, error))
        if size > _PREPARED_LIMIT_BYTES:
            told = (
                f"is too large: with each message it makes more than {_PREPARED_LIMIT_BYTES} bytes"
            )
            raise ValidationError.at("context", told)
    return prepared


def _ready(  # noqa: PLR0917
    index: int, item: Item, batch: Batch, prepared: PreparedBatch, made_up: MadeUp, now: datetime
) -> Ready:
    provider, method, fields = prepared.integration.provider, item.method, item.fields
    if method.key not in prepared.methods:
        provider.require(method.key)
    fields.update(provider.fill_in(method.key, fields))
    if needs_message_id(fields, lenient=batch.lenient):
        fields["message_id"] = id_of({}, made_up.batch_id, index)
    is_dated = fields.get("timestamp") is not None
    if not is_dated:
        fields["timestamp"] = instant(made_up.started_at)
    message, unchecked = read_message(method, fields, lenient=batch.lenient)
    delivery = Delivery(
        method.key,
        message,
        item.context,
        prepared.options,
        unchecked,
        strict=not batch.lenient,
    )
    if is_dated:
        check_date(provider, delivery, made_up.started_at)
    if provider.batch_limits is None or method.key not in provider.batched_methods:
        provider.build(delivery, now)
        return Ready(index, method.key, message.message_id, None, delivery)
    return Ready(index, method.key, message.message_id, _content(delivery, prepared))


def _content(delivery: Delivery[Message], prepared: PreparedBatch) -> bytes:
    provider = prepared.integration.provider
    try:
        content = to_json(provider.item(delivery))
    except (PydanticSerializationError, RecursionError):
        raise ValidationError.at(delivery.method, "cannot be written as JSON") from None
    # JSON has no such numbers, but to_json writes them.
    if (b"NaN" in content or b"Infinity" in content) and (
        problems := list(not_json(provider.item(delivery)))
    ):
        raise ValidationError.of(problems)
    limit = provider.message_limit_bytes or len(content)
    if provider.batch_limits:
        limit = min(limit, provider.batch_limits.body_bytes)
    if len(content) > limit:
        told = f"has {len(content)} bytes; {provider.title} takes {limit}"
        raise ValidationError.at(delivery.method, told)
    return content


class PreparedBatches:
    """What this worker's Validation has prepared, for the Requests that mostly follow here.

    A request of another worker, or a later attempt, prepares its slice anew.
    """

    def __init__(self, most_bytes: int = 32 * 1024 * 1024) -> None:
        self._left = most_bytes
        self._slices: OrderedDict[tuple[str, int, int], PreparedBatch] = OrderedDict()

    def keep(
        self, batch_id: str, prepared: PreparedBatch, slices: Sequence[tuple[int, int]]
    ) -> None:
        """Keep a batch slice by slice, and let the oldest go."""
        for first, end in slices:
            ready = [one for one in prepared.ready if first <= one.index < end]
            part = replace(prepared, ready=ready, rejected=[])
            self._slices[batch_id, first, end] = part
            self._left -= part.size()
        while self._left < 0:
            _, oldest = self._slices.popitem(last=False)
            self._left += oldest.size()

    def take(self, batch_id: str, slices: Sequence[tuple[int, int]]) -> PreparedBatch | None:
        """Take one out; there is none for several slices at once."""
        part = self._slices.pop((batch_id, *slices[0]), None) if len(slices) == 1 else None
        self._left += part.size() if part else 0
        return part
