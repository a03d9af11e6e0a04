"""journy.io's golden table: messages, and their requests."""

from durable_analytics.providers import HttpRequest
from tests.providers.building import Golden, calls
from tests.providers.segment_messages import ROWS
from tests.support.segment_compatible import journy_body

BATCH = "https://analyze.journy.io/backend/v1/batch"


WRITE_KEY = {"Authorization": "Basic am91cm55LWtleTo="}


GOLDEN = [
    *(
        Golden(
            row.method,
            row.extent,
            row.message,
            HttpRequest("POST", BATCH, journy_body(row)),
            WRITE_KEY,
            row.context,
        )
        for row in ROWS
    ),
    *calls("https://analyze.journy.io", WRITE_KEY),
]
