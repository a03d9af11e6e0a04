"""Messages to send again, and the executions that carry them: many messages in each `Batch`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from durable_analytics.errors import ValidationError
from durable_analytics.redrive.names import Origin
from durable_analytics.redrive.recorded import Recorded
from durable_analytics.temporal.batch_start import batch_envelope, batch_input
from durable_analytics.wire.contexts import is_left_out, merge_context
from durable_analytics.wire.keys import is_lenient, snake_case
from durable_analytics.wire.messages import Context, JsonObject
from durable_analytics.wire.methods import BATCH
from durable_analytics.wire.timestamps import checked_timestamp, is_missing_time, to_timestamp

MOST_MESSAGES = 1_000
"""Messages in one execution: a provider without batches gets one request for each."""

MOST_BYTES = 1024 * 1024
"""The messages of one execution as JSON, unless a single message is larger."""

MOST_MEMO_BYTES = 48 * 1024
"""The list of messages in the memo of one execution. MySQL, as the store of Temporal's list of
executions, keeps 64 KiB of a memo."""

_REPLACED = ("message_id", "messageId", "timestamp", "default_timestamp", "context")


@dataclass(frozen=True, slots=True)
class CarriedMessage:
    """A message to send again."""

    origin: Origin
    workflow: str
    """The type of the execution that carries it."""

    envelope: bytes
    """The input up to the messages; messages with the same envelope share an execution."""

    content: bytes
    """The message as JSON."""

    @property
    def is_alone(self) -> bool:
        """Whether it needs an execution of its own."""
        return self.workflow != BATCH.workflow


@dataclass(frozen=True, slots=True)
class Carrier:
    """An execution that sends messages again."""

    workflow: str
    input: RawValue
    origins: tuple[Origin, ...]


def carry(recorded: Recorded, origin: Origin, integration: str | None) -> CarriedMessage:
    """Return a failed message with its first id and timestamp.

    Args:
        recorded: The execution that failed.
        origin: The message, which is an object.
        integration: The integration to send it to.
    """
    method, message = recorded.method, recorded.fields(origin.position) or {}
    shared, context = _contexts(recorded, message)
    message = {**_without_context(recorded, origin.position, message), "context": context}
    data = dict(recorded.data)
    if integration:
        data["integration"] = integration
        data.pop("deliver_to", None)
    if method is not BATCH and "request_options" in data:
        # Its options belong to the request of one message, which differs from that of a batch.
        fields = {key: value for key, value in message.items() if key not in {"type", "context"}}
        if shared is not None:
            fields["context"], context = context, shared
        alone = to_json({**data, "context": context, method.key: fields})
        return CarriedMessage(origin, method.workflow, b"", alone)
    # A key that the contract does not know stays, and is refused again.
    options = {
        key: value
        for key, value in {**data, "context": shared}.items()
        if key not in {method.key, "messages"} and value is not None
    }
    return CarriedMessage(origin, BATCH.workflow, batch_envelope(options), to_json(message))


def _without_context(recorded: Recorded, index: int, message: JsonObject) -> JsonObject:
    kept = {key: value for key, value in message.items() if key not in _REPLACED}
    if recorded.method is not BATCH:
        kept["type"] = recorded.method.key
    return {
        **kept,
        "message_id": recorded.message_id(index),
        **_time(recorded, message),
    }


def _time(recorded: Recorded, message: JsonObject) -> JsonObject:
    """Return the time of a message.

    A provider that has no field for a `timestamp` refuses it in a strict message; a
    `default_timestamp` is left out there.
    """
    own = message.get("timestamp")
    if not _is_time(recorded, own):
        return {"timestamp": own}  # It is refused again.
    if is_missing_time(own):
        own = message.get("default_timestamp") or recorded.planned["timestamp"]
    return {"default_timestamp": own}


def _is_time(recorded: Recorded, value: Any) -> bool:
    if is_missing_time(value):
        return True
    if is_lenient(recorded.data):
        return to_timestamp(value) is not None
    try:
        return isinstance(value, str) and bool(checked_timestamp(value))
    except ValueError:
        return False


def _contexts(recorded: Recorded, message: JsonObject) -> tuple[Any, Any]:
    """Return the context for the input and for the message.

    They are one, in the message, and the first is None. But if one of them is no object in a
    lenient input, both stay where they are, so that the output names it again.
    """
    shared, own = recorded.data.get("context"), message.get("context")
    if is_lenient(recorded.data):
        if is_left_out(shared) or is_left_out(own):
            return {} if shared is None else shared, own
        shared, own = (part if isinstance(part, dict) else {} for part in (shared, own))
        return None, merge_context(shared, own)
    for part in (shared, own):
        if part is not None and not isinstance(part, dict):
            return None, part  # It is refused again.
    try:
        return None, merge_context(shared or {}, snake_case(own or {}, Context, "context"))
    except ValidationError:
        return None, own


def load(
    messages: Iterable[CarriedMessage], most_messages: int = MOST_MESSAGES
) -> Iterator[Carrier]:
    """Yield the executions that carry these messages.

    Args:
        messages: The messages.
        most_messages: The largest number of messages in one execution.
    """
    groups: dict[bytes, list[CarriedMessage]] = defaultdict(list)
    for message in messages:
        if message.is_alone:
            payload = Payload(metadata={"encoding": b"json/plain"}, data=message.content)
            yield Carrier(message.workflow, RawValue(payload), (message.origin,))
        else:
            groups[message.envelope].append(message)
    for envelope, group in groups.items():
        for part in _parts(group, most_messages):
            yield Carrier(
                BATCH.workflow,
                batch_input(envelope, [message.content for message in part]),
                tuple(message.origin for message in part),
            )


def _parts(
    messages: Sequence[CarriedMessage], most_messages: int
) -> Iterator[list[CarriedMessage]]:
    part: list[CarriedMessage] = []
    size = memo_size = 0
    for message in messages:
        size += len(message.content)
        memo_size += len(to_json(message.origin.as_json()))
        is_full = len(part) == most_messages or size > MOST_BYTES or memo_size > MOST_MEMO_BYTES
        if part and is_full:
            yield part
            part, size, memo_size = [], len(message.content), len(to_json(message.origin.as_json()))
        part.append(message)
    if part:
        yield part
