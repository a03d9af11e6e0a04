"""The input of a provider: one checked message, or the items of a batch."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from durable_analytics.errors import FieldProblem
from durable_analytics.providers.http import HttpRequest
from durable_analytics.wire.messages import JsonObject, Message, RequestOptions

M_co = TypeVar("M_co", bound=Message, covariant=True)


@dataclass(frozen=True, slots=True)
class Delivery(Generic[M_co]):
    """One checked message with its `message_id` and `timestamp`."""

    method: str
    """The key of `METHODS`, like "track"."""

    message: M_co

    sent_at: datetime
    """The time of this attempt."""

    context: JsonObject = field(default_factory=dict)
    """In snake_case; the keys inside its objects are unchanged."""

    options: RequestOptions = field(default_factory=RequestOptions)

    unchecked: JsonObject = field(default_factory=dict)
    """The fields that `"strict": false` allows but the model does not check; known keys are in
    snake_case."""

    problems: Mapping[str, FieldProblem] = field(default_factory=dict)
    """The problems of the fields in `unchecked` that the model knows, by their name."""

    strict: bool = True
    """The `strict` of the input."""

    left_out: set[str] = field(default_factory=set)
    """The fields that the provider does not support, and that are left out of the request."""

    earlier: HttpRequest | None = field(default=None, repr=False, compare=False)
    """A request for the same message; its serialized body is used again if the body is equal."""

    def given(self, *names: str) -> JsonObject:
        """Return the named fields of the message that were set, null included.

        >>> message = Track(user_id="u", event="E")
        >>> Delivery("track", message, datetime.now(UTC)).given("user_id", "traits")
        {'user_id': 'u'}
        """
        set_fields = self.message.model_fields_set
        return {name: getattr(self.message, name) for name in names if name in set_fields}


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The limits of one batch request of a provider."""

    body_bytes: int
    messages: int


@dataclass(frozen=True, slots=True)
class BatchDelivery:
    """Messages that are sent in one request."""

    key: str
    """The result of `Provider.batch_key` for these messages."""

    items: Sequence[bytes]
    """The results of `Provider.item` for these messages, each written as JSON."""

    sent_at: datetime
    """The time of this attempt."""

    options: RequestOptions = field(default_factory=RequestOptions)

    id: str = ""
    """A unique id of these messages; it is the same in all attempts."""

    started_at: datetime | None = None
    """The time at which the worker accepted the whole batch; it is the same in all attempts."""


@dataclass(frozen=True, slots=True)
class PlainItems:
    """How a provider builds the items of valid messages from their fields, without their models.

    The result is the same as that of `Provider.item`.
    """

    batch_key: str
    """The result of `Provider.batch_key` for each of these messages."""

    methods: Collection[str]

    context: Callable[[JsonObject, bool], JsonObject]
    """Returns a context for `item`; the second argument is the `strict` of the input."""

    item: Callable[[str, JsonObject, JsonObject, JsonObject], JsonObject | None]
    """Builds an item from a method, the fields, the unchecked fields, and a context; returns None
    if only `Provider.item` can build it.

    The fields are those that the message sets, with its `message_id` and `timestamp`.
    """

    only_moves: bool = False
    """Whether the names of the fields alone decide the keys of an item, and its other values; so
    `Provider.fill_in` never adds a field. Then the keys are worked out once for many messages."""
