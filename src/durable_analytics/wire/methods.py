"""The table of methods with their input models, workflow types and activity types."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation, create_model

from durable_analytics.wire.limits import MOST_INTEGRATIONS
from durable_analytics.wire.messages import (
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
from durable_analytics.wire.policies import Policies

TASK_QUEUE = "analytics"
"""The task queue of the workers unless the settings name another."""


INTEGRATION_NAME = r"^[a-z][a-z0-9_]{0,99}$"
"""The pattern of the names of integrations: they are parts of workflow ids, of task queues and of
queries."""

NOT_A_NAME = (
    "must be a name, like segment_eu: "
    "1 to 100 lower-case letters, digits and _, beginning with a letter"
)

_LONGEST_QUEUE_NAME = 800
"""In bytes. Temporal accepts 1,000; workers append the name of an integration, or more."""

NOT_A_QUEUE_NAME = (
    f"must be a task queue of Temporal: at most {_LONGEST_QUEUE_NAME} bytes of printable text "
    "that does not begin with /_sys/"
)


def is_integration_name(text: str) -> bool:
    """Whether a text can be the name of an integration; any other may be personal data."""
    return bool(re.fullmatch(INTEGRATION_NAME, text))


def is_queue_name(text: str) -> bool:
    """Whether Temporal accepts a text as the name of a task queue, with what workers append."""
    size = len(text.encode(errors="replace"))
    return text.isprintable() and size <= _LONGEST_QUEUE_NAME and not text.startswith("/_sys/")


def integration_queue(task_queue: str, integration: str) -> str:
    """Return the task queue of the requests to an integration.

    >>> integration_queue("analytics", "segment")
    'analytics.segment'
    """
    return f"{task_queue}.{integration}"


def named_integrations(data: Mapping[str, Any]) -> list[str]:
    """Return the integrations that an input names; none if the worker chooses."""
    one = data.get("integration")
    return data.get("deliver_to") or ([one] if one else [])


def id_prefix(data: Mapping[str, Any]) -> str:
    """Return how the workflow id begins that our clients choose for an input."""
    if data.get("deliver_to"):
        return "fanout"
    # An integration that the worker chooses has no name here; "default" keeps the shape.
    return data.get("integration") or "default"


ABSENT: Any = None
"""The default of a raw argument. `RawValue | None` in a signature would decode; this does not."""


class SourcePlan(Wire):
    """The tracking plan of the gateway's source, which travels with its messages."""

    schemas: JsonObject
    """The plan: a JSON Schema by event."""

    on_violation: Literal["allow", "omit", "block"] = "block"


class Input(Wire):
    """The input of every method; the message has the key of the method."""

    integration: str | None = None
    """The integration to deliver to. Optional if the worker has a default or only one
    integration."""

    deliver_to: Annotated[list[str], Field(min_length=1, max_length=MOST_INTEGRATIONS)] | None = (
        None
    )
    """Several integrations to deliver to, instead of `integration`."""

    tracking_plan: SourcePlan | None = None
    """A plan that the messages must match, beside that of the integration."""

    policies: Policies | None = None
    """Timeouts and retries of this delivery, if the integration allows overriding."""

    context: Context | None = None
    """The context of the message."""

    request_options: RequestOptions | None = None
    """Headers, query and body fields added to the provider's request."""

    strict: bool = True
    """With false, only what the provider would refuse or drop is refused."""


@dataclass(frozen=True, slots=True)
class Method:
    """One row of the table of methods."""

    key: str
    """The message's key in an input, like "track"."""

    message: type[Message]
    """The message's model."""

    input: type[Input]
    """The input's model. It accepts any value for the message, which is checked separately."""

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


def _method(message: type[Message]) -> Method:
    key = message.__name__.lower()
    fields: Any = {key: (Annotated[message, SkipValidation], ...)}
    return Method(key, message, create_model(f"Input{message.__name__}", __base__=Input, **fields))


_MESSAGES: tuple[type[Message], ...] = (
    Identify,
    Track,
    Group,
    Alias,
    Page,
    Screen,
    Delete,
    Annotate,
    Metric,
    Call,
)

METHODS: Mapping[str, Method] = {
    method.key: method for method in (_method(message) for message in _MESSAGES)
}
"""The methods by the key of their message."""


class InputBatch(Input):
    """Many messages of any methods to one integration."""

    messages: list[Any]
    """Each is `{"type": "track", …}`. They are read one by one: a wrong message does not affect the
    others."""


BATCH = Method("batch", Message, InputBatch)
"""The types of a batch. It is not a row of the table, because a batch has no message of its own."""

BATCH_SEND = f"{BATCH.workflow}.Send"
"""The type of the activity that sends a batch. Executions of earlier releases use `Batch.Request`,
which sends one slice."""
