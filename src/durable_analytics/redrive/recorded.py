"""The input of an execution and the plan of its Validation, from its history."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.api.common.v1 import Payloads
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.converter import DataConverter

from durable_analytics.errors import ValidationError
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.json_reader import Unreadable
from durable_analytics.wire.keys import rename_keys
from durable_analytics.wire.limits import MOST_INTEGRATIONS
from durable_analytics.wire.message_ids import derive_message_id
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, METHODS, Method
from durable_analytics.wire.parsing import batch_message_id, decode_batch, needs_message_id
from durable_analytics.wire.timestamps import write_timestamp

METHOD_BY_WORKFLOW = {method.workflow: method for method in (*METHODS.values(), BATCH)}

_FIRST_ACTIVITY = "1"
"""The activity id of Validation."""

_PAGE = 3
"""Pages count transactions: the start, the start of the first task, and its end with the marker."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an execution was started with, and what its Validation planned."""

    method: Method
    data: JsonObject
    """The input, its keys in snake_case; the messages of a batch are unchanged."""

    planned: JsonObject
    """The message of the plan: `message_id` and `timestamp`, and what Validation filled in. Without
    a plan, the id and the time that Validation would have used."""

    is_cron: bool = False
    """Whether each run of the execution is a new message, although its input is the same."""

    def message(self, index: int = 0) -> Any:
        """Return a message as it is in the input."""
        if self.method is not BATCH:
            return self.data.get(self.method.key)
        messages = self.data.get("messages")
        return messages[index] if isinstance(messages, list) and index < len(messages) else None

    def fields(self, index: int = 0) -> JsonObject | None:
        """Return the fields of a message; None if it is not an object, so it is always refused."""
        message = self.message(index)
        message = message.value if isinstance(message, Unreadable) else message
        return message if isinstance(message, dict) else None

    def missing(self, index: int) -> str:
        """Return why a message has no fields."""
        if self.method is not BATCH:
            return f"{self.method.key} must be an object"
        return f"messages.{index} must be an object" if self.count() else "messages is required"

    def count(self) -> int:
        """Return the number of messages."""
        messages = self.data.get("messages")
        if self.method is not BATCH:
            return 1
        return len(messages) if isinstance(messages, list) else 0

    def deliver_to(self) -> list[str]:
        """Return the integrations of a fan-out, each once; none if its input is wrong there."""
        names = self.data.get("deliver_to")
        if not isinstance(names, list) or len(names) > MOST_INTEGRATIONS:
            return []
        if not all(isinstance(name, str) for name in names):
            return []
        return list(dict.fromkeys(names))

    def message_id(self, index: int = 0) -> str:
        """Return the id that a message was sent with, or would have been."""
        message = self.message(index)
        planned: str = self.planned["message_id"]
        if self.method is BATCH:
            return batch_message_id(message if isinstance(message, dict) else {}, planned, index)
        if isinstance(message, dict) and not needs_message_id(message, lenient=True):
            own: str = message["message_id"]
            return own
        return planned

    def is_same(self, other: "Recorded") -> bool:
        """Whether the other execution delivers the same messages."""
        if self.method is not other.method or self.count() != other.count():
            return False
        if self.data == other.data and not self.is_cron:
            return True
        return all(self.message_id(i) == other.message_id(i) for i in range(self.count()))


async def read_recorded(client: Client, method: Method, workflow_id: str, run_id: str) -> Recorded:
    """Read the input and the plan of an execution.

    Raises:
        ValidationError: The input is not one JSON object.
        RPCError: The server did not return the history.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    # Each event of a batch may hold its whole input.
    events = handle.fetch_history_events(page_size=1 if method is BATCH else _PAGE)
    started: HistoryEvent | None = None
    plan: Any = None
    async for event in events:
        if event.HasField("workflow_execution_started_event_attributes"):
            started = event
        elif event.HasField("marker_recorded_event_attributes"):
            marker = event.marker_recorded_event_attributes
            if marker.marker_name == "core_local_activity":
                plan = await _first(client.data_converter, marker.details.get("result"))
                break
    if started is None:
        raise ValidationError.at("", "the history has no beginning")
    attributes = started.workflow_execution_started_event_attributes
    if len(attributes.input.payloads) != 1:
        raise ValidationError.at("", "the execution was not started with one JSON object")
    raw = await _first(client.data_converter, attributes.input)
    data = decode_batch(raw) if method is BATCH else decode(raw)
    planned = planned_message(decode(plan, limit_bytes=_NO_LIMIT) if plan else None)
    return Recorded(
        method,
        rename_keys(method, data),
        planned or _derived(client.namespace, workflow_id, run_id, started),
        is_cron=bool(attributes.cron_schedule),
    )


_NO_LIMIT = 1 << 30


async def _first(converter: DataConverter, payloads: Payloads | None) -> RawValue | None:
    if payloads is None or not payloads.payloads:
        return None
    (raw,) = await converter.decode(payloads.payloads[:1], [RawValue])
    return raw if isinstance(raw, RawValue) else None


def planned_message(plan: Any) -> JsonObject | None:
    """Return the message of a plan, with its id and time; None if the plan has none."""
    if isinstance(plan, dict) and isinstance(plans := plan.get("plans"), dict):
        # All deliveries of a fan-out have the same id and time; some may have no plan.
        return next((found for one in plans.values() if (found := planned_message(one))), None)
    message = plan.get("message") if isinstance(plan, dict) else None
    has_id = isinstance(message, dict) and isinstance(message.get("message_id"), str)
    return message if has_id else None


def _derived(namespace: str, workflow_id: str, run_id: str, started: HistoryEvent) -> JsonObject:
    """Return the id and the time that Validation would have used."""
    attributes: WorkflowExecutionStartedEventAttributes = (
        started.workflow_execution_started_event_attributes
    )
    is_cron = bool(attributes.cron_schedule)
    run = attributes.original_execution_run_id if is_cron else attributes.first_execution_run_id
    started_at: datetime = started.event_time.ToDatetime(tzinfo=UTC)
    return {
        "message_id": derive_message_id(namespace, workflow_id, run or run_id, _FIRST_ACTIVITY),
        "timestamp": write_timestamp(started_at),
    }
