"""The keyword arguments of the client's calls, one `TypedDict` a method.

A key that is left out stays out of the message; one that is None is delivered as null, which
deletes a trait at some providers. A test holds them against the models.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Required, TypedDict

from durable_analytics.policies import Policies

Json = Mapping[str, Any]


class Options(TypedDict, total=False):
    """What every call takes."""

    integration: str
    """The account to deliver to. Default: the client's, then the worker's."""

    policies: Policies | Json
    """Timeouts and retries, where the integration allows overriding."""

    context: Json | None
    """Merged over the client's context, key by key; None sends no context at all."""

    request_options: Json
    """`headers`, `query` and `body`, added to the provider's request."""

    strict: bool
    """False refuses only what the provider itself would."""

    message_id: str
    """The same id joins the first delivery. Made up when absent."""

    timestamp: datetime | str
    """When it happened; a time without an offset is UTC."""

    integrations: Json | None
    """Destinations to switch on or off, at Segment-compatible providers."""


class _Person(Options, total=False):
    user_id: str | None
    anonymous_id: str | None


class IdentifyCall(_Person, total=False):  # noqa: D101
    traits: Json | None


class TrackCall(_Person, total=False):  # noqa: D101
    event: Required[str]
    properties: Json | None
    traits: Json | None
    channel: str | None
    company_id: str | None


class GroupCall(_Person, total=False):  # noqa: D101
    group_id: Required[str]
    traits: Json | None


class AliasCall(Options, total=False):  # noqa: D101
    previous_user_id: Required[str]
    new_user_id: Required[str | Sequence[str]]
    traits: Json | None


class PageCall(_Person, total=False):  # noqa: D101
    name: str | None
    category: str | None
    properties: Json | None


class ScreenCall(_Person, total=False):  # noqa: D101
    name: Required[str]
    category: str | None
    properties: Json | None


class DeleteCall(Options, total=False):  # noqa: D101
    user_id: Required[str]
    traits: Json | None


class AnnotateCall(Options, total=False):  # noqa: D101
    event: Required[str]
    properties: Json | None
    channel: str | None


class MetricCall(Options, total=False):  # noqa: D101
    key: Required[str]
    user: Required[Json]
    value: Required[float]
    attributes: Mapping[str, str] | None
    idempotency_key: str | None


class CallCall(Options, total=False):  # noqa: D101
    method: Required[Literal["GET", "POST", "PUT", "PATCH", "DELETE"]]
    path: Required[str]
    query: Json | None
    headers: Mapping[str, str] | None
    body: Any
