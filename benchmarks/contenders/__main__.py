"""`python -m benchmarks.contenders NAME ARGUMENTS FILE`: run one contender of a comparison.

ARGUMENTS is a JSON object with the arguments of the contender's `run`. FILE receives the result of
`run`, as JSON.
"""

import importlib
import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    name, arguments, file = sys.argv[1:]
    contender = importlib.import_module(f"benchmarks.contenders.{name}")
    result = contender.run(**json.loads(arguments))
    Path(file).write_text(json.dumps(result))
    # Not Python's own exit, at which threads of the SDK sometimes crash. The library may be an
    # earlier commit, which has no function for it.
    os._exit(0)
