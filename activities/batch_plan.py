"""The plan of a batch as an attempt reads it."""

from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from typing import Annotated, Any
from uuid import UUID

import pydantic
from pydantic import AfterValidator, AwareDatetime, BaseModel, NonNegativeInt
from temporalio import activity

from activities.http_send import HTTP_SHARE, TIMEOUT
from durable_analytics.errors import ValidationError
from durable_analytics.wire.activity_results import checked_held
from durable_analytics.wire.policies import RECORDED, PlannedPolicies


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(instant) from None


class _BatchDefaults(BaseModel):
    message_id: Annotated[str, AfterValidator(lambda text: str(UUID(text)))]
    timestamp: Annotated[AwareDatetime, AfterValidator(_in_utc)]


class _NotSent(BaseModel):
    index: NonNegativeInt


class AttemptPlan(BaseModel):
    """The plan of Validation, with the fields that the workflow adds for the open slices."""

    integration: str
    message: _BatchDefaults
    policies: PlannedPolicies
    rejected: list[_NotSent] = []
    filtered_messages: list[_NotSent] = []
    slices: list[tuple[NonNegativeInt, NonNegativeInt]] = []
    first: NonNegativeInt = 0
    skipped: list[NonNegativeInt] = []
    is_part: bool = False
    split: tuple[NonNegativeInt, NonNegativeInt] = (0, 0)
    earlier: Annotated[Any, AfterValidator(checked_held)] = None

    @classmethod
    def read(cls, plan: Any) -> "AttemptPlan":
        """Read a plan.

        Raises:
            ValidationError: It is not what Validation returned.
        """
        try:
            return cls.model_validate(plan, context=RECORDED)
        except pydantic.ValidationError:
            raise _wrong_plan() from None

    def require_slices(self) -> None:
        """Check that there are slices, in order, and in the part of the input that has been sent.

        Raises:
            ValidationError: They are not.
        """
        bounds = [self.first, *chain.from_iterable(self.slices)]
        is_wrong = "slices" not in self.model_fields_set
        is_wrong |= any(first >= end for first, end in self.slices)
        if is_wrong or any(before > after for before, after in pairwise(bounds)):
            raise _wrong_plan()

    def settled(self) -> set[int]:
        """Return the indexes of messages that must not be sent."""
        not_sent = (*self.rejected, *self.filtered_messages)
        return {*self.skipped, *(message.index for message in not_sent)}

    def deadline(self) -> timedelta:
        """Return the deadline of one HTTP request; a caller's workflow may shorten the attempt."""
        request = self.policies.request
        timeout = (request and request.single_attempt_timeout) or TIMEOUT
        return min(timeout, activity.info().start_to_close_timeout or timeout) * HTTP_SHARE


def _wrong_plan() -> ValidationError:
    return ValidationError.at("plan", "must be what Validation returned, or null")
