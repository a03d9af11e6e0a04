"""The names of redrives: their workflow ids, their memo, and the workflow that is their lock."""

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from pydantic_core import to_json

LOCK_WORKFLOW = "RedriveLock"
RENEW_SIGNAL = "renew"
RELEASE_SIGNAL = "release"

LEASE = timedelta(seconds=30)
"""The lock ends by itself when it was not renewed for so long."""

MEMO_KEY = "redrives"

_REDRIVES = UUID("3c9b6a1c-2f64-5a0e-9f0b-6e1d0a7c5b42")
"""The UUIDv5 namespace of the ids of redrives."""


class Origin(NamedTuple):
    """Where a message failed."""

    workflow_id: str
    run_id: str
    position: int
    """Its index in the input of a batch; 0 for a single message."""


def lock_id(task_queue: str) -> str:
    """Return the workflow id of the lock."""
    return f"{task_queue}:redrive"


def redrive_id(task_queue: str, origins: Iterable[Origin]) -> str:
    """Return the workflow id of the redrive of these messages, the same in each run."""
    return f"{prefix(task_queue)}{uuid5(_REDRIVES, to_json(sorted(origins)).hex())}"


def prefix(task_queue: str) -> str:
    """Return what the workflow ids of all redrives begin with."""
    return f"{lock_id(task_queue)}:"


def is_redrive(task_queue: str, workflow_id: str) -> bool:
    """Whether an execution is a redrive."""
    return workflow_id.startswith(prefix(task_queue))
