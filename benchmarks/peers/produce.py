"""`python -m benchmarks.peers.produce PROGRAM ARGUMENTS FILE`: enqueue messages by one program.

It runs with the packages of the peer, so it imports none of this project's.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.contenders.clock import cpu_seconds, now, settle
from benchmarks.messages import make_tracks


def make_lists(count: int, size: int, seed: int) -> list[list[dict[str, Any]]]:
    """Make messages in Segment's format, in lists of a size."""
    messages = [
        {
            "type": "track",
            "messageId": track["message_id"],
            "userId": track["user_id"],
            "event": track["event"],
            "properties": track["properties"],
            "timestamp": track["timestamp"],
        }
        for track in make_tracks(count, seed=seed)
    ]
    return [messages[start : start + size] for start in range(0, count, size)]


if __name__ == "__main__":
    name, arguments, file = sys.argv[1:]
    program = importlib.import_module(f"benchmarks.peers.programs.{name}")
    lists = make_lists(**json.loads(arguments))
    settle()
    cpu_before = cpu_seconds()
    started_at = now()
    program.enqueue(lists)
    result = {"started_at": started_at, "cpu_seconds": cpu_seconds() - cpu_before}
    Path(file).write_text(json.dumps(result))
    os._exit(0)  # threads of some peers outlive the work
