"""The settings of a client, as checked by its constructor."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic_core import to_json
from temporalio.client import Client
from temporalio.converter import DataConverter

from durable_analytics.buffering._reports import Notifier
from durable_analytics.wire.limits import BATCH_LIMIT_BYTES
from durable_analytics.wire.messages import JsonObject


@dataclass(frozen=True, slots=True)
class FlushSettings:
    """When to flush, and how much at a time."""

    flush_at: int
    flush_interval: timedelta
    max_batch_bytes: int
    max_batch_messages: int
    max_flushes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """All settings of a client."""

    client: Client | None
    data_converter: DataConverter
    task_queue: str
    options: JsonObject
    """The keys of an input beside its messages."""

    overhead_bytes: int
    """What a message takes in a batch beside its own bytes."""

    max_queue_size: int
    wait_when_full: timedelta | None
    exit_timeout: timedelta
    flush: FlushSettings
    notifier: Notifier
    reports_invalid: bool
    """Whether an invalid message is reported instead of raised."""

    disabled: bool


def message_overhead(options: JsonObject, max_batch_bytes: int) -> int:
    """Return the bytes that a message takes in a batch beside its own: the context and a comma.

    Args:
        options: The keys of an input beside its messages.
        max_batch_bytes: The limit of the messages of a batch.

    Raises:
        ValueError: No message would fit beside the options.
    """
    overhead_bytes = len(to_json(options["context"])) + len(b",")
    if max_batch_bytes <= overhead_bytes:
        raise ValueError(
            f"max_batch_bytes must be more than {overhead_bytes}, "
            f"the size of the context that each message carries, not {max_batch_bytes}"
        )
    option_bytes = len(to_json(options))
    if option_bytes + max_batch_bytes > BATCH_LIMIT_BYTES:
        raise ValueError(
            f"max_batch_bytes must be at most {BATCH_LIMIT_BYTES - option_bytes} beside the "
            f"{option_bytes} bytes of the other options, not {max_batch_bytes}"
        )
    return overhead_bytes
