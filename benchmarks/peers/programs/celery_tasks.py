# mypy: ignore-errors
"""Celery on Redis: a task for each list of messages."""

import os

from celery import Celery

from benchmarks.peers.programs.delivery import Messages, deliver

app = Celery("messages", broker=os.environ["BROKER"])
app.conf.task_acks_late = True
app.conf.task_reject_on_worker_lost = True
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = 1
# Seconds until a task of a killed worker is given to another one. Celery's default is an hour,
# because a task that takes longer is executed twice. It looks every ten intervals.
app.conf.broker_transport_options = {"visibility_timeout": 5, "unacked_restore_interval": 0.5}


@app.task(autoretry_for=(Exception,), retry_backoff=True, max_retries=None)
def send(messages: Messages) -> None:
    """Deliver the messages."""
    deliver(messages)


def enqueue(lists: list[Messages]) -> None:
    """Enqueue a task for each list."""
    for messages in lists:
        send.delay(messages)
