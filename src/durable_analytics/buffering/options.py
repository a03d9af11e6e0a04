"""The settings of a client, checked where it is made: a wrong one would lose all messages later."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.converter import DataConverter

from durable_analytics.batches import read_batch
from durable_analytics.buffering.sending import Pace
from durable_analytics.buffering.telling import Teller
from durable_analytics.client import LIBRARY, plain
from durable_analytics.errors import ValidationError
from durable_analytics.messages import Context, JsonObject
from durable_analytics.policies import Policies
from durable_analytics.reading import not_json, snake_case


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The settings of a client."""

    client: Client | None
    data_converter: DataConverter
    task_queue: str
    options: JsonObject
    """The keys of an input beside its messages."""

    overhead_bytes: int
    """What a message costs in a batch beside its own bytes."""

    max_queue_size: int
    wait_when_full: timedelta | None
    exit_timeout: timedelta
    pace: Pace
    teller: Teller
    disabled: bool


def input_options(
    *,
    integration: str | None,
    policies: Policies | Mapping[str, Any] | None,
    context: Mapping[str, Any] | None,
    request_options: Mapping[str, Any] | None,
    strict: bool,
) -> JsonObject:
    """The keys of an input beside its messages; those that say nothing are left out.

    Raises:
        ValidationError: They break the contract.
    """
    if isinstance(policies, Policies):
        policies = policies.model_dump(mode="json", exclude_none=True)
    given = {
        "integration": integration,
        "policies": policies,
        "context": snake_case({"library": LIBRARY, **(context or {})}, Context, "context"),
        "request_options": request_options,
        "strict": None if strict is True else strict,
    }
    options: JsonObject = {key: plain(v) for key, v in given.items() if v is not None}
    if problems := list(not_json(options)):
        raise ValidationError.of(problems)
    read_batch({**options, "messages": [{}]})
    return options


def whole_number(name: str, value: int, most: int | None = None) -> int:
    """A limit that makes sense.

    Raises:
        ValueError: It is below 1, or more than the most.
    """
    if value < 1 or (most is not None and value > most):
        bound = "1 or more" if most is None else f"1 to {most}"
        raise ValueError(f"{name} must be {bound}, not {value}")
    return value
