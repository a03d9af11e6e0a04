"""Classification of Amplitude's responses.

A 400 or 429 lists the refused or throttled events, but Amplitude accepts no event of that request.
A 2xx with such a body is classified in the same way.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from durable_analytics.errors import DeliveryError, Rejected, Unauthorized, Unavailable
from durable_analytics.providers._classification import Classification, with_reported_status
from durable_analytics.providers.http import HttpResponse
from durable_analytics.wire.messages import JsonObject

_THROTTLED_WAIT = timedelta(seconds=30)
"""Amplitude: send no events of a throttled user or device for 30 seconds."""

_ERRORS_BY_KEY = {
    "events_with_invalid_fields": "has a wrong {}",
    "events_with_missing_fields": "lacks {}",
    "events_with_invalid_id_lengths": "has a {} that is too short",
}
"""Keys in the body of a 400, with the error of the events that they list.

The value of each key is an object: names of fields, each with the indexes of the invalid events.
"""


class AmplitudeResponses(Classification):
    """The part of the provider that classifies responses."""

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response.

        A 400 may mean a wrong API key. A 429 because of a daily quota is final: the quota is
        renewed later than the delivery ends.
        """
        response = _with_reported_status(response)
        failure = self.classify_status(response.status_code)
        body = response.body if isinstance(response.body, dict) else {}
        if response.status_code == 400 and str(body.get("error")).startswith("Invalid API key"):
            return Unauthorized(f"{failure}: the API key is invalid")
        if response.status_code == 400 and (errors := _event_errors(body)):
            return Rejected(f"{failure}: the event {next(iter(errors.values()))}")
        if response.status_code == 429 and _is_over_quota(body):
            return Rejected(f"{failure}: the user or device is over its daily quota")
        return failure

    def classify_batch(
        self, response: HttpResponse, count: int
    ) -> DeliveryError | Mapping[int, DeliveryError]:
        """Classify the response by event; events that a 400 or 429 does not list are retried."""
        response = _with_reported_status(response)
        failure = self.classify(response)
        body = response.body if isinstance(response.body, dict) else {}
        if failure is None or isinstance(failure, Unauthorized):
            return failure or {}
        prefix = f"{self.title} answered {response.status_code}"
        if response.status_code == 400:
            listed: Mapping[int, DeliveryError] = {
                index: Rejected(f"{prefix}: the event {error}")
                for index, error in _event_errors(body).items()
            }
        elif response.status_code == 429:
            listed = dict.fromkeys(_indexes(body.get("throttled_events")), failure)
        else:
            return failure
        if not any(index in listed for index in range(count)):
            return failure
        others = Unavailable(f"{prefix} for other events of the batch")
        return {index: listed.get(index, others) for index in range(count)}

    def retry_after(self, response: HttpResponse, now: datetime) -> timedelta | None:
        """Return the wait in the response, or 30 seconds if a user or device is throttled."""
        requested = super().retry_after(response, now)
        response = _with_reported_status(response)
        is_throttled = isinstance(response.body, dict) and "throttled_events" in response.body
        if requested is None and response.status_code == 429 and is_throttled:
            return _THROTTLED_WAIT
        return requested


def _with_reported_status(response: HttpResponse) -> HttpResponse:
    """Return a response with the status of a failure that the body of a 2xx reports."""
    body = response.body if isinstance(response.body, dict) else {}
    is_throttled = bool(_indexes(body.get("throttled_events")))
    implied = 429 if is_throttled else 400 if _event_errors(body) else 200
    return with_reported_status(response, implied)


def _event_errors(body: JsonObject) -> dict[int, str]:
    """Return the error of each invalid event that the body of a 400 lists, by its index."""
    errors = dict.fromkeys(_indexes(body.get("silenced_events")), "is of a silenced device")
    for key, template in _ERRORS_BY_KEY.items():
        by_field = body.get(key)
        for field, indexes in by_field.items() if isinstance(by_field, dict) else ():
            errors |= dict.fromkeys(_indexes(indexes), template.format(field[:100]))
    return errors


def _indexes(value: Any) -> list[int]:
    return [item for item in value if type(item) is int] if isinstance(value, list) else []


def _is_over_quota(body: JsonObject) -> bool:
    """Whether all users and devices that a 429 lists have exceeded their daily quotas."""
    throttled, over_quota = (
        {name for key in keys if isinstance(body.get(key), dict) for name in body[key]}
        for keys in (
            ("throttled_users", "throttled_devices"),
            ("exceeded_daily_quota_users", "exceeded_daily_quota_devices"),
        )
    )
    return bool(over_quota) and throttled <= over_quota
