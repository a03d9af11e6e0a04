"""What a provider has received, whether in batches or one by one."""

import asyncio

from durable_analytics.testing import StandIn
from tests.conftest import Json


def messages(standin: StandIn) -> list[Json]:
    """The messages that Segment has not refused, in the order in which it got them."""
    taken = {None, 200}  # None as long as the answer is on its way
    bodies = [request["body"] for request in standin.requests if request["answered"] in taken]
    return [message for body in bodies for message in body.get("batch", [body])]


async def wait_for_messages(standin: StandIn, count: int) -> list[Json]:
    """Wait until Segment has so many; returns all that it has."""
    async with asyncio.timeout(60):
        requests = 0
        while len(messages(standin)) < count:
            requests += 1
            await standin.wait_for(requests)
    return messages(standin)
