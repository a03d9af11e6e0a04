"""Division of a request's messages into parts; each part becomes one execution per integration."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4, uuid5

from pydantic_core import to_json

from durable_analytics.wire.limits import BATCH_LIMIT_BYTES
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.slices import cut_slices
from gateway.errors import too_large
from gateway.gateway_message import GatewayMessage
from gateway.sources import Source
from gateway.translation import SHARED_LIMIT_BYTES, Arrival, read_batch

LIMIT_BYTES = BATCH_LIMIT_BYTES - 1024
"""The size limit for the messages and the context of one execution together."""

MOST_IN_EXECUTION = 1_000
"""The most messages that the gateway puts into one execution. A `Batch` may have five times as
many, but a provider without batch requests gets one request for each message."""

GATHERED_LIMIT_BYTES = 475_000
"""The size limit for an execution that combines several HTTP requests of SDKs. The messages should
fit one batch request of the provider (Segment: 500 KB)."""

_BATCHES = UUID("0c3d5f0a-5a55-5b0e-8f0e-6d3f0f2b6a4e")
"""The UUIDv5 namespace of the batches that SDKs send."""


@dataclass(frozen=True, slots=True)
class Part:
    """Messages that are delivered together: by one execution for each integration."""

    source: str | None
    """The name of the source; None if the execution may also have messages of other sources."""

    items: Sequence[GatewayMessage]
    options: bytes = b"{}"
    """The keys of the input beside its messages, as JSON."""

    shared_bytes: int = len(b"{}")
    """The size of the options of which each message gets a copy."""

    @property
    def unique(self) -> UUID:
        """The same id for the same source and messages, in order; a random one without a source."""
        if self.source is None:
            return uuid4()
        ids = [item.digest.hex() if item.digest else item.message_id for item in self.items]
        return uuid5(_BATCHES, to_json([self.source, *ids]).decode())

    @property
    def is_joined(self) -> bool:
        """Whether a repeated request joins this execution: each message came with an id."""
        return all(item.digest for item in self.items)

    @property
    def messages_bytes(self) -> int:
        """The size of the messages in an input."""
        return sum(len(item.content) + len(b",") for item in self.items)

    @property
    def is_gathered(self) -> bool:
        """Whether this part may share an execution with parts of other requests."""
        if self.source is None:
            return True
        return self.is_joined and len(self.options) + self.messages_bytes <= GATHERED_LIMIT_BYTES

    @property
    def contents(self) -> list[bytes]:
        """The messages."""
        return [item.content for item in self.items]

    def of(self, items: Sequence[GatewayMessage]) -> "Part":
        """The same execution with only these messages."""
        return Part(self.source, items, self.options, self.shared_bytes)


def read_parts_of_batch(body: JsonObject, arrival: Arrival, source: Source) -> list[Part]:
    """Read a request with many messages, and divide them into parts.

    Args:
        body: The parsed body of the request.
        arrival: When the request arrived, and from where.
        source: The source whose write key the request has.

    Raises:
        RequestError: The body is not a batch, or exceeds a limit.
    """
    items, context = read_batch(body, arrival, source.settings.messages_limit)
    shared = {} if context == {} else {"context": context}
    shared_bytes = len(to_json(shared))
    options = source.settings.options_json
    if shared:
        options = to_json({**source.settings.options, **shared})
    parts = [
        Part(source.name, items, options, shared_bytes)
        for items in _divide(items, len(options), shared_bytes)
    ]
    if len(parts) * shared_bytes > SHARED_LIMIT_BYTES:
        raise too_large("context, copied into all executions,", SHARED_LIMIT_BYTES)
    return parts


def most_in_execution(shared_bytes: int) -> int:
    """Return how many messages an execution may have if its options have this size.

    Each message gets a copy of the options; the copies together have a size limit.
    """
    return min(MOST_IN_EXECUTION, SHARED_LIMIT_BYTES // shared_bytes)


def _divide(
    items: Iterable[GatewayMessage], options_bytes: int, shared_bytes: int
) -> Iterator[list[GatewayMessage]]:
    """Divide messages, in order, into lists that fit into one execution each.

    Args:
        items: The messages.
        options_bytes: The size of the options.
        shared_bytes: The size of those of which each message gets a copy.

    Raises:
        RequestError: Even the placeholder for a message that is too large does not fit.
    """
    max_bytes = LIMIT_BYTES - options_bytes
    return cut_slices(
        (_replace_if_too_large(item, max_bytes) for item in items),
        lambda item: len(item.content) + len(b","),
        max_bytes=max_bytes,
        max_items=most_in_execution(shared_bytes),
    )


def _replace_if_too_large(item: GatewayMessage, max_bytes: int) -> GatewayMessage:
    if len(item.content) >= max_bytes:
        item = item.refused(f"is larger than {max_bytes} bytes")
        if len(item.content) >= max_bytes:
            raise too_large("a message with the shared context", LIMIT_BYTES)
    return item
