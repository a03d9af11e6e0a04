"""The ids of messages that have none: derived from their execution, so that they never change."""

import json
from uuid import UUID, uuid5

_MESSAGE_IDS = UUID("6f2c1f0e-6d5b-5d0c-9c55-0a4b5d1f7c11")
"""The UUIDv5 namespace of generated message ids."""


def derive_message_id(
    namespace: str, workflow_id: str | None, run_id: str, activity_id: str
) -> str:
    """Return an id that is the same in all attempts, replays, and retried or reset runs.

    Args:
        namespace: The namespace of the execution.
        workflow_id: Its workflow id.
        run_id: Its first run.
        activity_id: The id of its Validation activity.
    """
    return str(uuid5(_MESSAGE_IDS, json.dumps([namespace, workflow_id, run_id, activity_id])))
