"""Celery: each child of a worker closes the client before it ends."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_shutdown

from durable_analytics import BufferingClient

app = Celery("shop", broker=os.environ.get("BROKER_URL", "redis://localhost"))
analytics = BufferingClient.from_env()


@worker_process_shutdown.connect
def close_analytics(**_: Any) -> None:
    """Deliver what is enqueued: a child of a worker runs no exit handlers."""
    analytics.close()


@app.task(bind=True)
def complete_order(task: Any, user_id: str, total: float) -> None:
    """Track an order. A task that Celery runs again has the same id, and so the same message."""
    analytics.track(
        user_id=user_id,
        event="Order Completed",
        properties={"revenue": total, "currency": "USD"},
        message_id=task.request.id,
    )
