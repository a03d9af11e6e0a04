"""The types of the outputs of executions, for callers in Python."""

from typing import Any, Literal, NotRequired, TypedDict

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.plans import (
    AttemptRecord,
    Filtered,
    FilteredMessage,
    Rejection,
    Response,
)

Status = Literal["success", "partial", "filtered", "failure"]


class FieldError(TypedDict):
    """A problem with one field."""

    path: str
    message: str


class OutputError(TypedDict):
    """Why a delivery failed."""

    type: str
    """A failure type, like "Rejected"."""

    message: str
    fields: list[FieldError]
    """The invalid fields, for a `ValidationError`."""


class AppliedPolicies(TypedDict):
    """The policies that were applied."""

    request: dict[str, Any]
    """In full; durations are ISO 8601."""

    limited: NotRequired[list[str]]
    """The fields that `policy_limits` of the integration have limited."""


class DeliveryOutput(TypedDict):
    """The output of the delivery of one message.

    The output of a delivery to several integrations has only `status`, `deliveries` and `attempts`,
    and `error` if all failed. The others are in `deliveries`, for each integration.
    """

    status: Status
    """`partial`: several integrations, of which some failed. `filtered`: rightly not sent."""

    integration: str | None
    deliveries: NotRequired[dict[str, "DeliveryOutput"]]
    """The output for each integration of `deliver_to`, by its name."""

    error: NotRequired[OutputError]
    """Set if the status is `failure`."""

    filtered: NotRequired[Filtered]
    """Set if the status is `filtered`."""

    identify: NotRequired[JsonObject | None]
    """The key of the method has the message as it was delivered."""

    track: NotRequired[JsonObject | None]
    group: NotRequired[JsonObject | None]
    alias: NotRequired[JsonObject | None]
    page: NotRequired[JsonObject | None]
    screen: NotRequired[JsonObject | None]
    delete: NotRequired[JsonObject | None]
    annotate: NotRequired[JsonObject | None]
    metric: NotRequired[JsonObject | None]
    call: NotRequired[JsonObject | None]

    response: Response | None
    """The last response of the provider; None if there was none."""

    left_out: NotRequired[dict[str, int]]
    """The fields that the provider has no place for, and in how many messages."""

    violations: NotRequired[dict[str, int]]
    """The paths of values that break the tracking plan, and in how many messages."""

    attempts: list[AttemptRecord]
    """The last 20 attempts, oldest first."""

    policies: AppliedPolicies | None


class BatchOutput(TypedDict):
    """The output of a batch.

    The output of a batch to several integrations has only `status` and `deliveries`, and `error` if
    all failed. The others are in `deliveries`, for each integration.
    """

    status: Status
    """`partial`: some messages were refused, or some integrations failed."""

    integration: str | None
    deliveries: NotRequired[dict[str, "BatchOutput"]]
    """The output for each integration of `deliver_to`, by its name."""

    error: NotRequired[OutputError]
    """Set if no message was accepted."""

    accepted: int
    """How many messages the provider accepted."""

    rejected: list[Rejection]
    """The messages that were not accepted, by their index."""

    filtered_count: NotRequired[int]
    filtered: NotRequired[list[FilteredMessage]]
    """The messages that were rightly not sent."""

    responses: list[Response]
    """The provider's responses, one a request."""

    left_out: NotRequired[dict[str, int]]
    violations: NotRequired[dict[str, int]]
    policies: AppliedPolicies | None
