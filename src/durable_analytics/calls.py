"""The keyword arguments of the clients' calls: what a message holds, and what goes beside it.

A key that is left out stays out of the message; one that is None is delivered as null, which
deletes a trait at some providers. A test holds them against the models.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Required, TypedDict

from durable_analytics.errors import AnalyticsError
from durable_analytics.policies import Policies

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message that was enqueued.

    >>> Outcome("0199…", "segment:batch:5f2c…", None)  # Temporal has it
    >>> Outcome("0199…", None, NotAccepted("…"))  # it is not known to be kept
    """

    message_id: str

    workflow_id: str | None
    """The execution that delivers it. None where it is not kept, and in a disabled client."""

    error: AnalyticsError | None
    """Why it is not kept."""


class _Message(TypedDict, total=False):
    context: Json | None
    """Merged over the client's context, key by key; None sends no context at all."""

    message_id: str
    """The same id joins the first delivery. Made up when absent."""

    timestamp: datetime | str
    """When it happened; a time without an offset is UTC."""

    integrations: Json | None
    """Destinations to switch on or off, at Segment-compatible providers."""


class Options(_Message, total=False):
    """What every call of an `AnalyticsClient` takes."""

    integration: str
    """The account to deliver to. Default: the client's, then the worker's."""

    policies: Policies | Json
    """Timeouts and retries, where the integration allows overriding."""

    request_options: Json
    """`headers`, `query` and `body`, added to the provider's request."""

    strict: bool
    """False refuses only what the provider itself would."""


class Buffered(_Message, total=False):
    """What every call of a `BufferingClient` takes; the other options are the client's own."""

    callback: Callable[[Outcome], Any] | None
    """Called once, in the client's thread, when it is known what became of this message."""


class _Person(TypedDict, total=False):
    user_id: str | None
    anonymous_id: str | None


class _Identify(_Person, total=False):
    traits: Json | None


class _Track(_Person, total=False):
    event: Required[str]
    properties: Json | None
    traits: Json | None
    channel: str | None
    company_id: str | None


class _Group(_Person, total=False):
    group_id: Required[str]
    traits: Json | None


class _Alias(TypedDict, total=False):
    previous_user_id: Required[str]
    new_user_id: Required[str | Sequence[str]]
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
    user_id: Required[str]
    traits: Json | None


class _Annotate(TypedDict, total=False):
    event: Required[str]
    properties: Json | None
    channel: str | None


class _Metric(TypedDict, total=False):
    key: Required[str]
    user: Required[Json]
    value: Required[float]
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
