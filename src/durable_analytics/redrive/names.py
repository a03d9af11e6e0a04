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
"""The lock ends by itself if it is not renewed within this time."""

MEMO_KEY = "redrives"
TO_MEMO_KEY = "redrives_to"
"""The integration that a redrive with `--to` sends to."""

_REDRIVES = UUID("3c9b6a1c-2f64-5a0e-9f0b-6e1d0a7c5b42")
"""The UUIDv5 namespace of the ids of redrives."""


class Origin(NamedTuple):
    """The execution in which a message failed, and the place of the message in it."""

    workflow_id: str
    run_id: str
    position: int
    """Its index in the input of a batch; 0 for a single message."""

    fan_out: str = ""
    """The integration of a fan-out at which it failed; several have commas between them, if a
    redrive sends the message to another one instead of them."""

    def unite(self, other: "Origin") -> "Origin":
        """Return the origin with the integrations of both, each once."""
        names = dict.fromkeys([*self.fan_out.split(","), *other.fan_out.split(",")])
        return self._replace(fan_out=",".join(names))

    def at_each_integration(self) -> list["Origin"]:
        """Return an origin for each integration in `fan_out`."""
        return [self._replace(fan_out=name) for name in self.fan_out.split(",")]

    def as_json(self) -> list[str | int]:
        """Return what the memo of a redrive has, and what the id of the redrive follows from.

        It has a fourth element only for a fan-out: commands of releases without fan-outs read
        three, and so give the redrive of the same messages the same id.
        """
        return list(self) if self.fan_out else list(self[:3])


def lock_id(task_queue: str) -> str:
    """Return the workflow id of the lock."""
    return f"{task_queue}:redrive"


def redrive_id(task_queue: str, origins: Iterable[Origin]) -> str:
    """Return the workflow id of the redrive of messages; the same messages always give the same id.

    Args:
        task_queue: The task queue of the workers.
        origins: Where the messages failed.
    """
    written = to_json([origin.as_json() for origin in sorted(origins)])
    return f"{redrive_prefix(task_queue)}{uuid5(_REDRIVES, written.hex())}"


def redrive_prefix(task_queue: str) -> str:
    """Return the text with which the workflow ids of all redrives begin."""
    return f"{lock_id(task_queue)}:"


def is_redrive(task_queue: str, workflow_id: str) -> bool:
    """Whether an execution is a redrive."""
    return workflow_id.startswith(redrive_prefix(task_queue))
