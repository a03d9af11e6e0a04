"""Start a delivery from Python, and read its output."""

import asyncio

from durable_analytics import AnalyticsClient, DeliveryError


async def main() -> None:
    """Track one event; Temporal is where `TEMPORAL_ADDRESS` says, or at localhost:7233."""
    analytics = await AnalyticsClient.connect(integration="segment", context={"locale": "en-US"})

    handle = await analytics.track(
        user_id="u-1",
        event="Order Completed",
        properties={"revenue": 19.99, "currency": "USD"},
    )
    print("kept by Temporal as", handle.workflow_id)

    try:
        output = await handle.result()
    except DeliveryError as error:
        print("not delivered:", error, error.output)
    else:
        response = output["response"]  # None if the message was rightly not sent
        print("delivered, answered", response and response["status_code"])


if __name__ == "__main__":
    asyncio.run(main())
