"""The keyword arguments of the clients' calls: the fields of a message, and its options.

An argument that is None counts as not set. None inside `traits` is delivered as null, which deletes
a trait at some providers. A test compares the arguments with the models.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Required, TypedDict
from uuid import UUID

from durable_analytics.errors import AnalyticsError
from durable_analytics.wire.policies import Policies

Json = Mapping[str, Any]
"""A mapping that `values.to_json_values` accepts; its keys may also be whole numbers, UUID or
Enum."""

Id = str | int | UUID
"""A whole number or a UUID is sent as text."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one message that was enqueued.

    >>> Outcome("0199…", "segment:batch:5f2c…", None)  # Temporal has it
    >>> Outcome("0199…", None, NotAccepted("…"))  # Temporal may not have it
    """

    message_id: str

    workflow_id: str | None
    """The execution that delivers the message. None if `error` is set, and in a disabled client."""

    error: AnalyticsError | None
    """Why Temporal does not have the message, or may not have it."""


class _Message(TypedDict, total=False):
    context: Json | None
    """Merged over the client's context, key by key, nested objects too."""

    message_id: Id
    """A call with the same id joins the first delivery. Generated when absent."""

    timestamp: datetime | date | str | None
    """When it happened; a time without an offset is UTC. None and "" mean not set."""

    integrations: Json | None
    """Destinations to switch on or off at Segment-compatible providers."""


class Options(_Message, total=False):
    """The options of every call of an `AnalyticsClient`."""

    integration: str
    """The integration to deliver to. Default: the client's, then the worker's."""

    deliver_to: Sequence[str]
    """Several integrations to deliver to, instead of `integration`."""

    policies: Policies | Json
    """Timeouts and retries, if the integration allows overriding."""

    request_options: Json
    """`headers`, `query` and `body`, added to the provider's request."""

    strict: bool
    """With False, only what the provider would refuse is refused."""


class Buffered(_Message, total=False):
    """The options of every call of a `BufferingClient`; the client has the other options."""

    callback: Callable[[Outcome], Any] | None
    """Called once, in the client's thread, with the result of this message."""


class _Person(TypedDict, total=False):
    user_id: Id | None
    anonymous_id: Id | None


class _Identify(_Person, total=False):
    traits: Json | None


class _Track(_Person, total=False):
    event: Required[str]
    properties: Json | None
    traits: Json | None
    channel: str | None
    company_id: Id | None


class _Group(_Person, total=False):
    group_id: Required[Id]
    traits: Json | None


class _Alias(TypedDict, total=False):
    previous_user_id: Required[Id]
    new_user_id: Required[Id | Sequence[Id]]
    traits: Json | None


class _Page(_Person, total=False):
    name: str | None
    category: str | None
    properties: Json | None


class _Screen(_Person, total=False):
    name: Required[str]
    category: str | None
    properties: Json | None


class _Delete(TypedDict, total=False):
    user_id: Required[Id]
    traits: Json | None


class _Annotate(TypedDict, total=False):
    event: Required[str]
    properties: Json | None
    channel: str | None


class _Metric(TypedDict, total=False):
    key: Required[str]
    user: Required[Json]
    value: Required[float | Decimal]
    attributes: Mapping[str, str] | None
    idempotency_key: str | None


class _Call(TypedDict, total=False):
    method: Required[Literal["GET", "POST", "PUT", "PATCH", "DELETE"]]
    path: Required[str]
    query: Json | None
    headers: Mapping[str, str] | None
    body: Any


class IdentifyCall(_Identify, Options, total=False): ...  # noqa: D101


class TrackCall(_Track, Options, total=False): ...  # noqa: D101


class GroupCall(_Group, Options, total=False): ...  # noqa: D101


class AliasCall(_Alias, Options, total=False): ...  # noqa: D101


class PageCall(_Page, Options, total=False): ...  # noqa: D101


class ScreenCall(_Screen, Options, total=False): ...  # noqa: D101


class DeleteCall(_Delete, Options, total=False): ...  # noqa: D101


class AnnotateCall(_Annotate, Options, total=False): ...  # noqa: D101


class MetricCall(_Metric, Options, total=False): ...  # noqa: D101


class CallCall(_Call, Options, total=False): ...  # noqa: D101


class BufferedIdentify(_Identify, Buffered, total=False): ...  # noqa: D101


class BufferedTrack(_Track, Buffered, total=False): ...  # noqa: D101


class BufferedGroup(_Group, Buffered, total=False): ...  # noqa: D101


class BufferedAlias(_Alias, Buffered, total=False): ...  # noqa: D101


class BufferedPage(_Page, Buffered, total=False): ...  # noqa: D101


class BufferedScreen(_Screen, Buffered, total=False): ...  # noqa: D101


class BufferedDelete(_Delete, Buffered, total=False): ...  # noqa: D101


class BufferedAnnotate(_Annotate, Buffered, total=False): ...  # noqa: D101


class BufferedMetric(_Metric, Buffered, total=False): ...  # noqa: D101


class BufferedCall(_Call, Buffered, total=False): ...  # noqa: D101
