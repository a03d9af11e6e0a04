# mypy: ignore-errors
"""Restate: an invocation for each list of messages, with one step."""

import os
from concurrent.futures import ThreadPoolExecutor

import httpx
import restate

from benchmarks.peers.programs.delivery import Messages, deliver

SENDERS = 20

service = restate.Service("Messages")


@service.handler()
async def send(ctx: restate.Context, messages: Messages) -> None:
    """Deliver the messages."""
    await ctx.run_typed("deliver", deliver, messages=messages)


app = restate.app([service])


def enqueue(lists: list[Messages]) -> None:
    """Start an invocation for each list; the response comes when Restate has stored it."""
    with (
        httpx.Client(base_url=os.environ["INGRESS"]) as client,
        ThreadPoolExecutor(SENDERS) as pool,
    ):
        posts = pool.map(lambda messages: client.post("/Messages/send/send", json=messages), lists)
        for response in posts:
            response.raise_for_status()
