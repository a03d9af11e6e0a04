"""Timeouts and retries of the request to a provider: the model, the defaults, the merge."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
)
from pydantic_core import PydanticCustomError

from durable_analytics.errors import FieldProblem, ValidationError

LONGEST = timedelta(days=3650)
"""Longer timeouts are refused: they are typing errors, and Temporal's own range ends somewhere."""

_seconds = TypeAdapter(timedelta)


def _duration(value: Any) -> timedelta:
    """Read ISO 8601 (`"PT3S"`) or a number of seconds; a `timedelta` is taken as it is."""
    if isinstance(value, timedelta):
        duration = value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        duration = timedelta(seconds=_bounded(value))
    elif isinstance(value, str) and value.lstrip("-").startswith("P"):
        try:
            duration = _seconds.validate_python(value)
        except ValueError:
            raise _not_a_duration() from None
    else:
        raise _not_a_duration()
    if not timedelta(0) < duration <= LONGEST:
        raise PydanticCustomError("duration", "must be more than 0 and at most 10 years")
    return duration


def _bounded(seconds: float) -> float:
    """Keep what `timedelta` cannot hold (infinities, NaN, 1e300) inside what is refused anyway."""
    return seconds if abs(seconds) <= 2 * LONGEST.total_seconds() else -1.0


def _not_a_duration() -> PydanticCustomError:
    return PydanticCustomError("duration", 'must be ISO 8601 ("PT3S") or a number of seconds')


def _iso8601(value: timedelta) -> Any:
    return _seconds.dump_python(value, mode="json")


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(_iso8601, when_used="json"),
    Field(json_schema_extra={"format": "duration"}),
]


def _error_type(value: str) -> str:
    # Temporal gives the prefix a meaning, and refuses what it does not know behind it.
    if not 0 < len(value) <= 100 or value.startswith("TemporalTimeout:"):
        raise PydanticCustomError("error_type", 'must be a failure type, like "Unavailable"')
    return value


ErrorType = Annotated[str, AfterValidator(_error_type)]


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class RetryPolicy(_Policy):
    """How failed attempts follow one another. Null means the next layer's value."""

    initial_interval: Duration | None = None
    """The wait before the second attempt. Default 1 s; Temporal rounds below a second up to one."""

    backoff_coefficient: float | None = Field(default=None, ge=1, le=1000, allow_inf_nan=False)
    """Each wait is the one before times this. Default 2; 1 keeps the waits equal."""

    maximum_interval: Duration | None = None
    """The longest wait. Default 60 s; a longer one spares a provider that is down for hours."""

    maximum_attempts: int | None = Field(default=None, ge=0, le=2**31 - 1)
    """How many attempts in all. Default 0: unlimited, until `total_timeout`."""

    non_retryable_error_types: list[ErrorType] | None = Field(default=None, max_length=20)
    """Failure types that end the execution at once. Default: none but the final ones."""


class RequestPolicy(_Policy):
    """How long a request may take, and how it is retried. Null means the next layer's value."""

    single_attempt_timeout: Duration | None = None
    """One attempt, from its start to its end. Default 3 s; 90% of it is the HTTP deadline."""

    total_timeout: Duration | None = None
    """All attempts and the waits between them. Default 24 h; then the execution fails."""

    queue_timeout: Duration | None = None
    """How long an attempt may wait for a worker. Default: as long as `total_timeout`."""

    heartbeat_timeout: Duration | None = None
    """After how long a silent worker counts as dead. Default 10 s for a batch that goes out one
    by one; not applied to a request that is short-lived by itself."""

    retry_policy: RetryPolicy | None = None
    """How failed attempts follow one another."""


class Policies(_Policy):
    """The `policies` object of an input, of an integration and of an output."""

    request: RequestPolicy | None = None


DEFAULT_POLICY = RequestPolicy(
    single_attempt_timeout=timedelta(seconds=3),
    total_timeout=timedelta(hours=24),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=60),
        maximum_attempts=0,
        non_retryable_error_types=[],
    ),
)
"""What applies where nobody said otherwise."""


def merge_policies(*layers: Policies | None) -> Policies:
    """The policy in force, field by field, the first layer that sets a field winning.

    Args:
        layers: From the most to the least particular: the input's (where the integration allows
            it), the integration's. The defaults come last by themselves.

    Raises:
        ValidationError: The fields fit one by one but not together.
    """
    requests = [layer.request for layer in layers if layer and layer.request]
    requests.append(DEFAULT_POLICY)
    retries = [request.retry_policy for request in requests if request.retry_policy]
    merged = RequestPolicy.model_construct(
        **_first_set(requests, RequestPolicy, leave="retry_policy"),
        retry_policy=RetryPolicy.model_construct(**_first_set(retries, RetryPolicy)),
    )
    problems = list(_contradictions(merged))
    if problems:
        raise ValidationError.of(problems)
    return Policies.model_construct(request=merged)


def _first_set(
    layers: list[Any], model: type[BaseModel], leave: str | None = None
) -> dict[str, Any]:
    return {
        name: next((v for layer in layers if (v := getattr(layer, name)) is not None), None)
        for name in model.model_fields
        if name != leave
    }


def _contradictions(policy: RequestPolicy) -> Iterator[FieldProblem]:
    """Temporal refuses these with the whole workflow task, which it would then retry for ever."""
    retry = policy.retry_policy
    if not (retry and retry.initial_interval and retry.maximum_interval):
        return
    if retry.maximum_interval < retry.initial_interval:
        yield FieldProblem(
            "policies.request.retry_policy.maximum_interval",
            f"is below initial_interval: set it to {_iso8601(retry.initial_interval)} or more",
        )
