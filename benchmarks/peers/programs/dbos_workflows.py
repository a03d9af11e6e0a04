# mypy: ignore-errors
"""DBOS on PostgreSQL: a workflow for each list of messages, with one step."""

import os
import threading

from dbos import DBOS, DBOSClient

from benchmarks.peers.programs.delivery import Messages, deliver

database = os.environ["DATABASE"]


@DBOS.step(retries_allowed=True, max_attempts=100)
def post(messages: Messages) -> None:
    """Deliver the messages."""
    deliver(messages)


@DBOS.workflow()
def send(messages: Messages) -> None:
    """Run the step."""
    post(messages)


def enqueue(lists: list[Messages]) -> None:
    """Enqueue a workflow for each list."""
    client = DBOSClient(system_database_url=database)
    for messages in lists:
        client.enqueue({"workflow_name": "send", "queue_name": "messages"}, messages)
    client.destroy()


if __name__ == "__main__":
    DBOS(config={"name": "messages", "system_database_url": database, "log_level": "ERROR"})
    DBOS.launch()
    DBOS.register_queue("messages", worker_concurrency=20, polling_interval_sec=0.05)
    print("started", flush=True)  # noqa: T201  # the database has its tables now
    threading.Event().wait()
