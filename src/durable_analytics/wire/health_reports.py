"""What a worker tells the control workflow of an integration about the provider."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from durable_analytics.wire.arguments import Argument

REPORT = "report"
"""The signal of the control workflow with a `HealthReport`."""

REASON_LIMIT_CHARACTERS = 500


class HealthReport(Argument):
    """A change that one worker process has seen. It contains no credentials."""

    by: Literal["credentials", "breaker", "retry_after", "provider"]
    """The kind of pause that it concerns."""

    event: Literal["failing", "probing", "recovered", "started"] = "failing"
    """`failing` pauses the integration. `probing` is the start of a probe, `recovered` its success.
    `started` is a worker that has started, with its credentials."""

    reason: Annotated[str, Field(max_length=REASON_LIMIT_CHARACTERS)] = ""

    until: AwareDatetime | None = None
    """When the pause ends; for `retry_after`."""

    seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """How long the pause is, before the first probe; for `breaker` and `credentials`. With
    `probing`, how long the probe takes at most."""

    credentials: Annotated[str, Field(max_length=200)] | None = None
    """A keyed hash of the credentials; for `credentials`."""

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
