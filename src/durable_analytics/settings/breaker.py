"""The setting `breaker` of an integration."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from durable_analytics.settings.values import DurationSetting
from durable_analytics.wire.policies import at_least, at_most

LONGEST_OPEN = timedelta(minutes=10)


class BreakerSettings(BaseModel):
    """When an integration is paused because its provider is unavailable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    failure_share: float = Field(default=0.8, gt=0, le=1)
    """The share of the attempts that found the provider unavailable, above 0, at most 1. Default
    0.8."""

    minimum: int = Field(default=20, ge=1, le=1_000_000)
    """The breaker does not open with fewer attempts in the window. Default 20. Each worker process
    counts its own attempts."""

    window: Annotated[DurationSetting, at_least(1), at_most(3600)] = timedelta(seconds=30)
    """The time in which the attempts are counted, 1 s to an hour. Default 30 s."""

    open_for: Annotated[DurationSetting, at_least(1), at_most(LONGEST_OPEN.total_seconds())] = (
        timedelta(seconds=30)
    )
    """The time until the first probe of the provider, 1 s to 10 min. Default 30 s. While probes
    fail, the time between them grows, to 10 min at most."""
