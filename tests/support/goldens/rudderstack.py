"""RudderStack's golden table: messages, and their requests."""

from durable_analytics.providers import HttpRequest
from tests.providers.building import Golden, calls
from tests.providers.segment_messages import ROWS
from tests.support.segment_compatible import rudderstack_body

PLANE = "https://shop.dataplane.example.com"


WRITE_KEY = {"Authorization": "Basic cnVkZGVyLWtleTo="}


GOLDEN = [
    *(
        Golden(
            row.method,
            row.extent,
            row.message,
            HttpRequest("POST", f"{PLANE}/v1/{row.method}", rudderstack_body(row)),
            WRITE_KEY,
            row.context,
        )
        for row in ROWS
    ),
    *calls(PLANE, WRITE_KEY),
]
