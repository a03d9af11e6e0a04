"""The settings of a client, after its constructor has checked them."""

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
    """The keys of an input, without its messages."""

    overhead_bytes: int
    """The bytes that a message takes in a batch in addition to its own: see `message_overhead`."""

    max_queue_size: int
    wait_when_full: timedelta | None
    exit_timeout: timedelta
    flush: FlushSettings
    notifier: Notifier
    reports_invalid: bool
    """Whether an invalid message is reported instead of raised."""

    disabled: bool


def message_overhead(options: JsonObject, max_batch_bytes: int) -> int:
    """Return the bytes that a message takes in addition to its own: the context and a comma.

    The context is counted for each message, because the worker adds it to each of them.

    Args:
        options: The keys of an input, without its messages.
        max_batch_bytes: The limit of the messages of a batch.

    Raises:
        ValueError: No message would fit, or a full batch with the options would be too large.
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
