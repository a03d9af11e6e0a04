"""AWS Lambda: a flush at the end of each invocation, after which the process is frozen."""

import json
from typing import Any

from durable_analytics import BufferingClient

# Outside the handler, so that later invocations use the same connection.
analytics = BufferingClient.from_env()


def handler(event: dict[str, Any], context: Any) -> None:
    """Track the orders that an SQS queue delivers.

    If Temporal does not have all events in time, `flush` raises `NotAccepted`, and SQS delivers the
    orders again: with the same message ids.
    """
    del context
    try:
        for record in event["Records"]:
            order = json.loads(record["body"])
            analytics.track(
                user_id=order["user_id"],
                event="Order Completed",
                properties={"revenue": order["total"], "currency": "USD"},
                message_id=record["messageId"],
            )
    finally:
        analytics.flush(timeout=5)
