"""`python -m benchmarks.sides SIDE TASK FILE`: one side of a comparison, in a process of its own.

TASK is JSON, the arguments of the side's `run`; what that returns goes to FILE, as JSON.
"""

import importlib
import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    side, task, file = sys.argv[1:]
    said = importlib.import_module(f"benchmarks.sides.{side}").run(**json.loads(task))
    Path(file).write_text(json.dumps(said))
    # Without Python's own end, where the SDK's threads sometimes crash a process.
    os._exit(0)
