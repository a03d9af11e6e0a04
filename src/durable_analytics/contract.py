"""The names on the wire: methods, workflow and activity types, inputs, the plan and the output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from durable_analytics.messages import (
    Alias,
    Annotate,
    Call,
    Context,
    Delete,
    Group,
    Identify,
    JsonObject,
    Message,
    Metric,
    Page,
    RequestOptions,
    Screen,
    Track,
    Wire,
)
from durable_analytics.policies import Policies

TASK_QUEUE = "analytics"
"""Where the workers poll unless the settings say otherwise."""


ABSENT: Any = None
"""The default of a raw argument. `RawValue | None` in a signature would decode; this does not."""


class Input(Wire):
    """What every method takes; the method's own key holds the message."""

    integration: str | None = None
    """The account to deliver to. Optional where the worker has a default or only one."""

    policies: Policies | None = None
    """Timeouts and retries of this delivery, where the integration allows overriding."""

    context: Context | None = None
    """The surroundings of the message."""

    request_options: RequestOptions | None = None
    """Headers, query and body fields added to the provider's request."""

    strict: bool = True
    """With false, only what the provider itself would refuse or drop is refused."""


class InputIdentify(Input):  # noqa: D101
    identify: Identify


class InputTrack(Input):  # noqa: D101
    track: Track


class InputGroup(Input):  # noqa: D101
    group: Group


class InputAlias(Input):  # noqa: D101
    alias: Alias


class InputPage(Input):  # noqa: D101
    page: Page


class InputScreen(Input):  # noqa: D101
    screen: Screen


class InputDelete(Input):  # noqa: D101
    delete: Delete


class InputAnnotate(Input):  # noqa: D101
    annotate: Annotate


class InputMetric(Input):  # noqa: D101
    metric: Metric


class InputCall(Input):  # noqa: D101
    call: Call


class InputBatch(Input):  # noqa: D101
    messages: list[Any]
    """Each `{"type": "track", …}`; read one by one, so that a bad one harms no other."""


@dataclass(frozen=True, slots=True)
class Method:
    """One row of the table of methods; everything else about a method follows from it."""

    key: str
    """The message's key in an input, like "track"."""

    input: type[Input]
    message: type[Message]
    """The message's model."""

    @property
    def workflow(self) -> str:
        """The workflow type, like "Track"."""
        return self.key.capitalize()

    @property
    def validation(self) -> str:
        """The type of the local activity that validates."""
        return f"{self.workflow}.Validation"

    @property
    def request(self) -> str:
        """The type of the activity that sends."""
        return f"{self.workflow}.Request"


_INPUTS: Mapping[str, type[Input]] = {
    "identify": InputIdentify,
    "track": InputTrack,
    "group": InputGroup,
    "alias": InputAlias,
    "page": InputPage,
    "screen": InputScreen,
    "delete": InputDelete,
    "annotate": InputAnnotate,
    "metric": InputMetric,
    "call": InputCall,
}


def _method(key: str, model: type[Input]) -> Method:
    message = model.model_fields[key].annotation
    assert isinstance(message, type)  # noqa: S101  # the table's own classes
    return Method(key, model, message)


METHODS: Mapping[str, Method] = {key: _method(key, model) for key, model in _INPUTS.items()}
"""The methods by the key of their message."""

BATCH = Method("batch", InputBatch, Message)
"""Many messages of any methods to one integration; no row of the table, since it has no message of
its own."""


def output(
    method: Method,
    *,
    integration: str | None,
    message: JsonObject | None,
    response: JsonObject | None,
    policies: JsonObject | None,
    error: JsonObject | None = None,
) -> JsonObject:
    """The output of the contract; what is not known of a failure is null.

    Args:
        method: The method, whose key holds the message.
        integration: The account that the message was meant for.
        message: The message as delivered.
        response: The provider's last answer; null when nothing was sent or answered.
        policies: The policy that was applied, in full.
        error: `{"type", "message", "fields"}` of a failure.
    """
    composed: JsonObject = {
        "status": "failure" if error else "success",
        "integration": integration,
        method.key: message,
        "response": response,
        "policies": policies,
    }
    if error:
        composed["error"] = error
    return composed


def batch_output(
    *,
    integration: str | None,
    accepted: int = 0,
    rejected: Sequence[JsonObject] = (),
    responses: Sequence[JsonObject] = (),
    policies: JsonObject | None,
    error: JsonObject | None = None,
) -> JsonObject:
    """The output of a batch.

    Args:
        integration: The account that the messages were meant for.
        accepted: How many messages the provider took.
        rejected: `{"index", "message_id", "error"}` of each other one.
        responses: The provider's answers, one a request.
        policies: The policy that was applied, in full.
        error: `{"type", "message", "fields"}` of a batch of which nothing was accepted.
    """
    composed: JsonObject = {
        "status": "failure" if error else "partial" if rejected else "success",
        "integration": integration,
        "accepted": accepted,
        "rejected": sorted(rejected, key=lambda one: one["index"]),
        "responses": list(responses),
        "policies": policies,
    }
    if error:
        composed["error"] = error
    return composed
