"""What a workflow says of an activity that failed without a failure of the contract."""

import pytest
from temporalio import exceptions
from temporalio.exceptions import ActivityError, FailureError, TimeoutType

from workflows.delivery import failed_outcome

TIMEOUT = exceptions.TimeoutError(
    "activity timed out", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[]
)


def request_error() -> ActivityError:
    """The error of a Request whose last attempt timed out."""
    error = ActivityError(
        "activity error",
        scheduled_event_id=5,
        started_event_id=6,
        identity="a worker",
        activity_type="Track.Request",
        activity_id="1",
        retry_state=None,
    )
    error.__cause__ = TIMEOUT
    return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            TIMEOUT,  # of a local activity
            "Validation took longer than 5 s: is a transform slow, or the worker overloaded?",
        ),
        (request_error(), "an attempt took longer than single_attempt_timeout"),
    ],
)
def test_says_what_took_too_long(error: FailureError, message: str) -> None:
    outcome = failed_outcome(error)

    assert outcome["error"] == {"type": "Unavailable", "message": message, "fields": []}
