"""What a worker tells the control workflow of an integration about the provider."""

from datetime import datetime
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from durable_analytics.errors import ValidationError
from durable_analytics.wire.problems import problem

REPORT = "report"
"""The signal of the control workflow with a `HealthReport`."""

REASON_LIMIT_CHARACTERS = 500


class HealthReport(BaseModel):
    """A change that one worker process has seen. It contains no credentials."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    by: Literal["credentials", "breaker", "retry_after", "provider"]
    """The kind of pause that it concerns."""

    event: Literal["failing", "recovered", "started"] = "failing"
    """`failing` pauses the integration. `recovered` is the success of a probe. `started` is a
    worker that has started, with its credentials."""

    reason: Annotated[str, Field(max_length=REASON_LIMIT_CHARACTERS)] = ""

    until: AwareDatetime | None = None
    """When the pause ends; for `retry_after`."""

    seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """How long the pause is, before the first probe; for `breaker` and `credentials`."""

    credentials: Annotated[str, Field(max_length=200)] | None = None
    """A keyed hash of the credentials; for `credentials`."""

    @classmethod
    def read(cls, argument: Any) -> "HealthReport":
        """Read the argument of the signal.

        Raises:
            ValidationError: It is wrong; the error names the field.
        """
        try:
            return cls.model_validate(argument)
        except pydantic.ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            raise ValidationError.of([problem(cls, one) for one in details]) from None

    def as_json(self) -> dict[str, Any]:
        """Return the argument of the signal."""
        return self.model_dump(mode="json", exclude_none=True)

    @classmethod
    def failing(
        cls,
        by: Literal["credentials", "breaker", "retry_after", "provider"],
        reason: str,
        *,
        until: datetime | None = None,
        seconds: float | None = None,
    ) -> "HealthReport":
        """Return a report that pauses the integration; a long reason is cut."""
        return cls(by=by, reason=reason[:REASON_LIMIT_CHARACTERS], until=until, seconds=seconds)
