"""The webhook provider's golden table: messages, and their requests."""

from datetime import datetime

import standardwebhooks

from durable_analytics.providers import HttpRequest
from tests.providers.building import (
    SENT_AT,
    Golden,
    calls,
)
from tests.providers.whole_messages import ROWS

URL = "https://hooks.example.com/analytics/"


OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


NEW = "whsec_YW5vdGhlci1zZWNyZXQtb2YtYnl0ZXMtLXg="


def signature(secret: str, id_: str, content: str, sent_at: datetime = SENT_AT) -> str:
    """As the library signs."""
    return standardwebhooks.Webhook(secret).sign(id_, sent_at, content)


SIGNED = {
    "webhook-id": "m-1",
    "webhook-timestamp": "1769851801",
    "webhook-signature": f"{signature(OLD, 'm-1', '{}')} {signature(NEW, 'm-1', '{}')}",
}
"""Of an empty object, which is what the table of requests is authorized with."""


GOLDEN = [
    *(
        Golden(
            row.method,
            row.extent,
            row.message,
            HttpRequest(
                "POST",
                URL,
                {
                    "type": row.method,
                    "timestamp": "2026-01-31T09:30:00Z",
                    "data": {n: v for n, v in row.fields.items() if n != "timestamp"},
                },
            ),
            SIGNED,
            row.context,
        )
        for row in ROWS
    ),
    *calls("https://hooks.example.com/analytics", SIGNED),
]
