"""This project: an execution for each message, or batches by the buffering client."""

import asyncio
from typing import Any

from durable_analytics import AnalyticsClient, BufferingClient

SENDERS = 20


def enqueue(lists: list[list[dict[str, Any]]]) -> None:
    """Start an execution for each message if the lists have one message each; else in batches."""
    calls = [call for messages in lists for call in map(_call, messages)]
    if len(calls) == len(lists):
        asyncio.run(_start_each(calls))
        return
    client = BufferingClient(max_queue_size=len(calls))
    for call in calls:
        client.track(**call)
    client.close(60)


async def _start_each(calls: list[dict[str, Any]]) -> None:
    analytics = await AnalyticsClient.connect()
    remaining = iter(calls)

    async def start_remaining() -> None:
        for call in remaining:
            await analytics.track(**call)

    await asyncio.gather(*(start_remaining() for _ in range(SENDERS)))


def _call(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "message_id": message["messageId"],
        "user_id": message["userId"],
        "event": message["event"],
        "properties": message["properties"],
        "timestamp": message["timestamp"],
    }
