"""FastAPI: the lifespan closes the client, and endpoints call it without `await`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from pydantic import BaseModel

from durable_analytics import BufferingClient

analytics = BufferingClient.from_env()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Deliver what is enqueued before the process ends: uvicorn runs no exit handlers."""
    async with analytics:
        yield


app = FastAPI(lifespan=lifespan)


class Order(BaseModel):
    """The body of a request."""

    user_id: str
    total: float


@app.post("/orders")
async def create_order(order: Order, request: Request) -> dict[str, str]:
    """Track an order; the call only enqueues a message, so that it never waits."""
    message_id = analytics.track(
        user_id=order.user_id,
        event="Order Completed",
        properties={"revenue": order.total, "currency": "USD"},
        context={
            "ip": request.client.host if request.client else None,
            "user_agent": request.headers.get("user-agent"),
        },
    )
    return {"message_id": message_id}
