"""What a provider has received, whether in batches or one by one."""

import asyncio
from collections.abc import Sequence

from durable_analytics.testing import StandIn
from durable_analytics.wire.messages import JsonObject


def messages(standin: StandIn) -> list[JsonObject]:
    """The messages that Segment has not refused, in the order in which it got them."""
    taken = {None, 200}  # None as long as the answer is on its way
    bodies = [request["body"] for request in standin.requests if request["answered"] in taken]
    return [message for body in bodies for message in body.get("batch", [body])]


async def wait_for_messages(standin: StandIn, count: int) -> list[JsonObject]:
    """Wait until Segment has so many; returns all that it has."""
    async with asyncio.timeout(60):
        requests = 0
        while len(messages(standin)) < count:
            requests += 1
            await standin.wait_for(requests)
    return messages(standin)


async def wait_for_ids(standin: StandIn, ids: Sequence[str]) -> list[str]:
    """Wait until Segment has as many messages with these ids; returns the ids as they arrived.

    A batch of an earlier test may arrive once more: its activity had not been reported as done.
    """

    def arrived() -> list[str]:
        found = (message["messageId"] for message in messages(standin))
        return [message_id for message_id in found if message_id in ids]

    async with asyncio.timeout(60):
        requests = 0
        while len(arrived()) < len(ids):
            requests += 1
            await standin.wait_for(requests)
    return arrived()
