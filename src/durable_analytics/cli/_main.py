"""The entry point of the command, which says how to install what it needs."""

import sys
from typing import NoReturn

from durable_analytics.temporal.interpreter_end import exit_process


def main() -> NoReturn:
    """Run the command with the arguments of this process, and end the process."""
    try:
        from durable_analytics.cli._app import run  # noqa: PLC0415  # needs the extra `cli`
    except ModuleNotFoundError as error:
        reason = f"the package {error.name} is missing: install durable-analytics[cli]"
        print(f"durable-analytics: {reason}", file=sys.stderr)  # noqa: T201  # for a person
        exit_process(2)
    except KeyboardInterrupt:  # Ctrl-C while the modules are loaded
        print("durable-analytics: stopped", file=sys.stderr)  # noqa: T201  # for a person
        exit_process(1)
    exit_process(run(sys.argv[1:]))
