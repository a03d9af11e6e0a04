"""Reports on the health of a provider, which workers send to the control workflow."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from durable_analytics.wire.arguments import Argument
from durable_analytics.wire.integration_state import WorkerCause

REPORT = "report"
"""The signal with which a worker sends a `HealthReport`."""

REASON_LIMIT_CHARACTERS = 500


class HealthReport(Argument):
    """A change that one worker process has noticed. It contains no credentials."""

    by: WorkerCause
    """The cause of the pause that the report starts or may end."""

    event: Literal["failing", "probing", "recovered", "started"] = "failing"
    """`failing` pauses the integration. `probing` is the start of a probe, `recovered` its success.
    `started` is a worker that has started, with its credentials."""

    reason: Annotated[str, Field(max_length=REASON_LIMIT_CHARACTERS)] = ""
    """Why the provider counts as failing, for people."""

    until: AwareDatetime | None = None
    """When the pause ends. Only for `retry_after`."""

    seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """How long the pause is, before the first probe; for `breaker` and `credentials`. With
    `probing`, how long the probe takes at most."""

    credentials: Annotated[str, Field(max_length=200)] | None = None
    """A keyed hash of the credentials that were refused, or of those of the worker that started.
    Only for `credentials`."""

    @classmethod
    def failing(
        cls,
        by: WorkerCause,
        reason: str,
        *,
        until: datetime | None = None,
        seconds: float | None = None,
    ) -> "HealthReport":
        """Return a report that pauses the integration. A long reason is shortened."""
        return cls(by=by, reason=reason[:REASON_LIMIT_CHARACTERS], until=until, seconds=seconds)
