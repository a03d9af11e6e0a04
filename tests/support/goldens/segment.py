"""Segment's golden table: messages, and their requests."""

from durable_analytics.providers import HttpRequest
from tests.providers.building import (
    SENT,
    Golden,
    calls,
)
from tests.providers.segment_messages import ROWS

WRITE_KEY = {"Authorization": "Basic c2VnbWVudC1rZXk6"}


PUBLIC_API = {"Authorization": "Bearer segment-token"}


DELETION = HttpRequest(
    "POST",
    "https://api.segmentapis.com/regulations",
    {
        "regulationType": "SUPPRESS_WITH_DELETE",
        "subjectType": "USER_ID",
        "subjectIds": ["u-1"],
    },
    {"Content-Type": "application/vnd.segment.v1+json"},
    credentials="public_api",
)


GOLDEN = [
    *(
        Golden(
            row.method,
            row.extent,
            row.message,
            HttpRequest(
                "POST", f"https://api.segment.io/v1/{row.method}", {**row.item, "sentAt": SENT}
            ),
            WRITE_KEY,
            row.context,
        )
        for row in ROWS
    ),
    Golden(
        "delete",
        "full",
        {"user_id": "u-1", "message_id": "m-2", "timestamp": "2026-01-31T09:30:00Z"},
        DELETION,
        PUBLIC_API,
    ),
    Golden("delete", "least", {"user_id": "u-1"}, DELETION, PUBLIC_API),
    *calls("https://api.segment.io", WRITE_KEY),
]
