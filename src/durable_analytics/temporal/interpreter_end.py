"""Clean exits of processes that have used Temporal's SDK (sdk-python issue 300).

Threads of the SDK may still need the interpreter while Python finalizes. A process can then
hang, or crash with "PyGILState_Release … finalizing".
"""

import atexit
import contextlib
import functools
import gc
import logging
import os
import sys
from typing import NoReturn


def exit_process(status: int) -> NoReturn:
    """End a process of this project at once, without Python's finalization.

    Logs and output are flushed; `atexit` functions do not run.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads it
            stream.flush()
    os._exit(status)


@functools.cache
def release_connections_at_exit() -> None:
    """Prevent hangs at the exit of a program that uses the library.

    A connection stays in reference cycles after its last use. They are collected before Python
    finalizes, unless the program still refers to the connection. A second call does nothing.
    """
    atexit.register(gc.collect)
