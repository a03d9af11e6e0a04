"""The types of the JSON objects that workflows and activities exchange."""

from typing import Any, Literal, NotRequired, TypedDict

from durable_analytics.wire.messages import JsonObject


class Response(TypedDict):
    """A provider's response, as outputs show it."""

    status_code: int
    headers: dict[str, str]
    body: Any
    truncated: bool

    attempts: NotRequired[list["AttemptRecord"]]
    """In a batch, the attempts at this request, if it needed more than one."""


class AttemptRecord(TypedDict):
    """One attempt to deliver a message, as outputs show it."""

    attempt: int
    """Counted from 1."""

    at: str
    """When the attempt began, ISO 8601 in UTC."""

    milliseconds: int
    status_code: int | None
    """null if the provider did not respond."""

    error: str | None
    """The failure type; null for the attempt that succeeded."""


class HeldMessage(TypedDict):
    """A message or a slice that was held back: its integration is paused, or its worker ends."""

    attempts: list[AttemptRecord]
    """The last attempts, oldest first."""

    count: int
    """All attempts so far."""


class Filtered(TypedDict):
    """Why a message is rightly not sent to an integration."""

    by: Literal["integrations", "consent", "routing", "transform", "suppressed", "unsupported"]
    reason: str


class FilteredMessage(Filtered):
    """A message of a batch that is rightly not sent."""

    index: int
    message_id: str | None


class RequestResult(TypedDict):
    """The result of Request for one message."""

    response: Response
    attempts: list[AttemptRecord]
    """The last attempts, oldest first."""

    held: NotRequired[HeldMessage]
    """Set instead of the others if the message must be scheduled again."""

    filtered: NotRequired[Filtered]
    """Set instead of the others if a Request without a plan must not send the message."""


class Origin(TypedDict):
    """When and by which run a message was started; the second argument of Validation."""

    started_at: str
    """The start time of the workflow, ISO 8601."""

    first_task_at: str
    """The start time of the run's first workflow task, ISO 8601."""

    first_run_id: str
    """The id of the run from which message ids are generated."""


class Plan(TypedDict):
    """The result of Validation for one message, and the input of Request."""

    integration: str
    message: JsonObject
    """The fields that Validation added or changed."""

    policies: JsonObject
    task_queue: NotRequired[str]
    """Where its requests run; absent if the message is `filtered`."""

    returns_attempts: NotRequired[bool]
    """Set by the workflow: Request returns a `RequestResult`, not the response alone."""

    can_be_held: NotRequired[bool]
    """Set by the workflow: Request may return `held`."""

    earlier: NotRequired[HeldMessage]
    """What an earlier Request returned as `held`."""

    turn_seconds: NotRequired[float]
    """How long each request may wait for its turn, in addition to the timeout of its attempt."""

    left_out: NotRequired[dict[str, int]]
    violations: NotRequired[dict[str, int]]
    """The paths of values that break the tracking plan and are allowed or left out."""

    filtered: NotRequired[Filtered]
    """Why the message is rightly not sent."""

    routed: NotRequired[JsonObject]
    """What the transform of the integration made: the `message` and its `context`."""

    search_attributes: NotRequired[bool]
    """Whether the namespace has the search attributes; absent if some are missing."""


class FailedPlan(TypedDict):
    """Why a message cannot be delivered to one integration of a fan-out."""

    integration: str
    error: JsonObject


class FanOutPlan(TypedDict):
    """The result of Validation for an input with `deliver_to`."""

    plans: dict[str, Any]
    """A `Plan`, a `BatchPlan` or a `FailedPlan` by the name of the integration, in the order of the
    input."""

    search_attributes: NotRequired[bool]


class Rejection(TypedDict):
    """A message of a batch that was not accepted."""

    index: int
    message_id: str | None
    error: JsonObject
    """`{"type", "message", "fields"}`."""


class BatchPlan(Plan):
    """The result of Validation for a batch."""

    rejected: list[Rejection]
    filtered_messages: NotRequired[list[FilteredMessage]]
    """The messages that are rightly not sent; absent without any."""

    slices: list[list[int]]
    """The ranges of messages that are sent in one request each: first index, and last index + 1."""

    one_by_one: bool
    """Whether there is one slice and each message is sent in a request of its own."""

    batch_send: NotRequired[bool]
    """Whether the workflow schedules one `Batch.Send`. Without it, the execution is of an earlier
    release, and has a `Batch.Request` for each slice."""


class SlicePlan(TypedDict):
    """The plan of some slices of a batch, an argument of `Batch.Send`.

    For `Batch.Request`, which executions of earlier releases schedule, it has one slice.
    """

    integration: str
    message: JsonObject
    policies: JsonObject
    slices: list[list[int]]
    """The ranges of messages that are still to be sent."""

    first: int
    """The index in the whole input of the first message in the part of the input that is sent with
    this plan."""

    skipped: list[int]
    """The indexes of messages that were already rejected."""

    is_part: bool
    """Whether other slices of the batch have requests of their own."""

    split: NotRequired[list[int]]
    """The slice that is being halved after the status 413: its end, and how often it was halved."""

    earlier: NotRequired[HeldMessage]
    """What an earlier `Batch.Send` returned as `earlier`."""


class BatchResult(TypedDict):
    """The result of `Batch.Request`."""

    accepted: int
    rejected: list[Rejection]
    responses: list[Response]
    filtered: NotRequired[list[FilteredMessage]]
    """Set without a plan, if some messages are rightly not sent."""


class SendResult(BatchResult):
    """The result of `Batch.Send`."""

    open: NotRequired[list[list[int]]]
    """The ranges that are still to be sent, where it stopped early: the last slices of its plan, or
    those messages of a batch sent one by one that are not settled."""

    split: NotRequired[list[int]]
    """As in `SlicePlan`."""

    held: NotRequired[bool]
    """Whether it stopped because a request was held back."""

    earlier: NotRequired[HeldMessage]
    """The attempts that the first open slice has used up; absent if there are none."""
