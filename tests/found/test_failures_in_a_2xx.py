"""A 2xx whose body says that it failed is a failure, of the right messages of a batch."""

from typing import Any

import pytest

from durable_analytics.errors import DeliveryError
from durable_analytics.providers import HttpResponse
from tests.providers.building import ACCOUNTS
from tests.support.json_objects import Json

INVALID: Json = {"code": 400, "events_with_invalid_fields": {"time": [1]}}
THROTTLED: Json = {"code": 429, "throttled_events": [1]}
RECORDS: Json = {"failed_records": [{"index": 1, "field": "properties.time"}]}
REFUSED: Json = {"errors": [{"batch_index": 1, "reason": "invalid", "field": "name"}]}

BODIES = [
    ("amplitude", {"code": 400, "error": "x"}, "Rejected", "Rejected"),
    ("amplitude", INVALID, "Rejected", ["Unavailable", "Rejected", "Unavailable"]),
    ("amplitude", {**INVALID, "code": 200}, "Rejected", ["Unavailable", "Rejected", "Unavailable"]),
    ("amplitude", THROTTLED, "RateLimited", ["Unavailable", "RateLimited", "Unavailable"]),
    ("amplitude", {"code": 503}, "Unavailable", "Unavailable"),
    ("mixpanel", {"code": 400, "error": "x"}, "Rejected", "Rejected"),
    ("mixpanel", {"code": 400, **RECORDS}, "Rejected", ["", "Rejected", ""]),
    ("mixpanel", RECORDS, "Rejected", ["", "Rejected", ""]),
    ("posthog", {"status": 0}, "Rejected", "Rejected"),
    ("posthog", 0, "Rejected", "Rejected"),
    ("customerio", REFUSED, "Rejected", ["", "Rejected", ""]),
    ("customerio", {"errors": ["x"]}, "Rejected", "Rejected"),
    ("customerio", {"errors": "x"}, "Rejected", "Rejected"),
    ("braze", {"message": "failure", "errors": ["x"]}, "Rejected", "Rejected"),
    ("braze", {"message": "failure"}, "Rejected", "Rejected"),
    ("braze", {"errors": "x"}, "Rejected", "Rejected"),
    ("braze", {"errors": [{"type": "x", "index": 1}]}, "Rejected", ["", "Rejected", ""]),
    ("braze", {"errors": [{"type": "x", "index": 9}]}, "Rejected", "Rejected"),
]


def name(failure: DeliveryError | None) -> str:
    """The type of a failure; "" for success."""
    return type(failure).__name__ if failure else ""


@pytest.mark.parametrize(("provider", "body", "single", "batch"), BODIES)
def test_a_2xx_that_reports_a_failure(
    provider: str, body: Any, single: str, batch: str | list[str]
) -> None:
    """Where the body lists messages of a batch, it is their failure alone."""
    response = HttpResponse(200, body=body)
    failures = ACCOUNTS[provider].classify_batch(response, 3)

    assert name(ACCOUNTS[provider].classify(response)) == single
    if isinstance(failures, DeliveryError):
        assert name(failures) == batch
    else:
        assert [name(failures.get(index)) for index in range(3)] == batch


SUCCESSES: list[tuple[str, Any]] = [
    ("amplitude", {"code": 200}),
    ("amplitude", {}),
    ("amplitude", None),
    ("amplitude", "success"),
    ("amplitude", {"code": 200, "throttled_events": [], "events_with_invalid_fields": {}}),
    ("mixpanel", {}),
    ("mixpanel", None),
    ("mixpanel", 1),
    ("mixpanel", {"code": 200, "failed_records": [], "status": "OK"}),
    ("posthog", {"status": 1}),
    ("posthog", {"status": "Ok"}),
    ("posthog", {"status": False}),
    ("posthog", 1),
    ("customerio", {}),
    ("customerio", {"errors": []}),
    ("customerio", {"errors": None}),
    ("braze", {"message": "success"}),
    ("braze", {"message": "queued"}),
]


@pytest.mark.parametrize(("provider", "body"), SUCCESSES)
def test_a_2xx_that_reports_success(provider: str, body: Any) -> None:
    response = HttpResponse(200, body=body)

    assert ACCOUNTS[provider].classify(response) is None
    assert ACCOUNTS[provider].classify_batch(response, 3) == {}
