"""Timeouts and retries of requests to a provider: the models, their defaults and their merge."""

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
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from durable_analytics.errors import FieldProblem, ValidationError

LONGEST = timedelta(days=3650)
"""Longer timeouts are refused: they are typing errors, and the range of Temporal is limited."""

_seconds = TypeAdapter(timedelta)


def _duration(value: Any) -> timedelta:
    """Read ISO 8601 (`"PT3S"`), a number of seconds or a `timedelta`."""
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
        raise PydanticCustomError("duration", "must be longer than 0 and at most 10 years")
    return duration


def _bounded(seconds: float) -> float:
    """Map seconds that `timedelta` cannot represent to -1, which the range check refuses."""
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


RECORDED = {"recorded": True}
"""The validation context for the policy of a plan, which an earlier release may have written: no
minimum durations are checked."""


def at_least(seconds: float) -> AfterValidator:
    """Return a validator that refuses durations below a number of seconds."""
    least = timedelta(seconds=seconds)

    def check(value: timedelta, info: ValidationInfo) -> timedelta:
        if value < least and not (info.context and info.context.get("recorded")):
            raise PydanticCustomError("duration", f"must be {seconds:g} seconds or longer")
        return value

    return AfterValidator(check)


def at_most(seconds: float) -> AfterValidator:
    """Return a validator that refuses durations above a number of seconds."""
    most = timedelta(seconds=seconds)

    def check(value: timedelta) -> timedelta:
        if value > most:
            raise PydanticCustomError("duration", f"must be {seconds:g} seconds or shorter")
        return value

    return AfterValidator(check)


Timeout = Annotated[Duration, at_least(0.1)]
"""The timeout of a request: with a shorter one, no attempt could succeed."""

HeartbeatTimeout = Annotated[Duration, at_least(1)]
"""Temporal's timers have a resolution of a second, and a worker sends three heartbeats in this
time."""

Interval = Annotated[Duration, at_least(0.01)]
"""The length of a wait; Temporal rounds it up to about a second."""


def _error_type(value: str) -> str:
    # Temporal reserves this prefix, and refuses unknown names after it.
    if not 0 < len(value) <= 100 or value.startswith("TemporalTimeout:"):
        raise PydanticCustomError("error_type", 'must be a failure type, like "Unavailable"')
    return value


ErrorType = Annotated[str, AfterValidator(_error_type)]


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class RetryPolicy(_Policy):
    """How failed attempts are repeated. Null means the value of the next layer."""

    initial_interval: Interval | None = None
    """The wait before the second attempt, 0.01 s at least. Default 1 s; Temporal rounds below a
    second up to one."""

    backoff_coefficient: float | None = Field(default=None, ge=1, le=1000, allow_inf_nan=False)
    """The factor from one wait to the next. Default 2; 1 keeps the waits equal."""

    maximum_interval: Interval | None = None
    """The longest wait. Default 60 s; a longer one reduces the load on a provider that is down."""

    maximum_attempts: int | None = Field(default=None, ge=0, le=2**31 - 1)
    """The number of attempts. Default 0: unlimited, until `total_timeout`."""

    non_retryable_error_types: list[ErrorType] | None = Field(default=None, max_length=20)
    """More failure types that end the execution at once. Default: none."""


class RequestPolicy(_Policy):
    """The timeouts and retries of a request. Null means the value of the next layer."""

    single_attempt_timeout: Timeout | None = None
    """The timeout of one attempt, at least 0.1 s. Default 3 s; the HTTP request has 90% of it."""

    total_timeout: Timeout | None = None
    """The timeout of all attempts and their waits, at least 0.1 s. Default 24 h; then the execution
    fails."""

    queue_timeout: Timeout | None = None
    """How long an attempt may wait for a worker, at least 0.1 s. Default: as long as
    `total_timeout`."""

    heartbeat_timeout: HeartbeatTimeout | None = None
    """The time without a heartbeat after which a worker counts as dead, at least 1 s. Default 10 s
    for a batch; not applied to single messages, whose requests are short."""

    retry_policy: RetryPolicy | None = None
    """How failed attempts are repeated."""


class Policies(_Policy):
    """The `policies` object of an input, of an integration and of an output."""

    request: RequestPolicy | None = None


class PlannedPolicies(Policies):
    """The `policies` object of a plan."""

    limited: list[str] = []
    """The fields that `policy_limits` changed."""


class PolicyLimits(_Policy):
    """The `policy_limits` of an integration, which also bind an input's policies."""

    total_timeout: Timeout | None = None
    """The longest `total_timeout`. Default: none."""

    maximum_attempts: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """The most `maximum_attempts`; unlimited attempts become this many. Default: none."""

    initial_interval: Interval | None = None
    """The shortest `initial_interval`, and so `maximum_interval`. Default: none."""

    def apply(self, policies: Policies) -> tuple[Policies, list[str]]:
        """Limit merged policies.

        Returns:
            The limited policies, and the names of the fields that changed.
        """
        request = policies.request or DEFAULT_POLICY
        retry = request.retry_policy or RetryPolicy()
        longest, most, shortest = self.total_timeout, self.maximum_attempts, self.initial_interval
        changed: dict[str, Any] = {}
        if longest and (not request.total_timeout or request.total_timeout > longest):
            changed["total_timeout"] = longest
        retries: dict[str, Any] = {}
        if most and not 0 < (retry.maximum_attempts or 0) <= most:
            retries["maximum_attempts"] = most
        for name in ("initial_interval", "maximum_interval"):
            if shortest and (interval := getattr(retry, name)) and interval < shortest:
                retries[name] = shortest
        limited = [*changed, *retries]
        changed["retry_policy"] = retry.model_copy(update=retries)
        return Policies.model_construct(request=request.model_copy(update=changed)), limited


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
"""The values that apply if neither the input nor the integration sets them."""


def merge_policies(*layers: Policies | None) -> Policies:
    """Merge policies field by field; the first layer that sets a field wins.

    Args:
        layers: The policies of the input (if the integration allows it), then those of the
            integration. The defaults are added as the last layer.

    Raises:
        ValidationError: Two fields contradict each other.
    """
    requests = [layer.request for layer in layers if layer and layer.request]
    requests.append(DEFAULT_POLICY)
    retries = [request.retry_policy for request in requests if request.retry_policy]
    merged = RequestPolicy.model_construct(
        **_first_set(requests, RequestPolicy, exclude="retry_policy"),
        retry_policy=RetryPolicy.model_construct(**_first_set(retries, RetryPolicy)),
    )
    problems = list(_contradictions(merged))
    if problems:
        raise ValidationError.of(problems)
    return Policies.model_construct(request=merged)


def _first_set(
    layers: list[Any], model: type[BaseModel], exclude: str | None = None
) -> dict[str, Any]:
    return {
        name: next((v for layer in layers if (v := getattr(layer, name)) is not None), None)
        for name in model.model_fields
        if name != exclude
    }


def _contradictions(policy: RequestPolicy) -> Iterator[FieldProblem]:
    """Find combinations for which Temporal fails the workflow task, which it retries for ever."""
    retry = policy.retry_policy
    if not (retry and retry.initial_interval and retry.maximum_interval):
        return
    if retry.maximum_interval < retry.initial_interval:
        yield FieldProblem(
            "policies.request.retry_policy.maximum_interval",
            (
                "must not be shorter than initial_interval: "
                f"set it to {_iso8601(retry.initial_interval)} or more"
            ),
        )
