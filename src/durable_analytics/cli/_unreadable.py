"""Executions that a command goes past because they are encrypted with a key that it lacks."""

import sys
from dataclasses import dataclass

from durable_analytics.errors import UnreadablePayload
from durable_analytics.wire.shown_text import printable


@dataclass(slots=True)
class UnreadableExecutions:
    """How many executions could not be read, and why."""

    count: int = 0
    reason: str = ""
    """Of the first one; it names the key."""

    def add(self, error: UnreadablePayload) -> None:
        """Count an execution."""
        self.count += 1
        self.reason = self.reason or str(error)

    def describe(self, consequence: str) -> str:
        """Return one line: how many cannot be read, what follows from it, and the first reason.

        Args:
            consequence: The rest of a clause, like "may have the message".
        """
        what = "1 execution" if self.count == 1 else f"{self.count} executions"
        return f"{what} cannot be read, and {consequence}: {self.reason}"


def warn(text: str) -> None:
    """Print a warning, which is not a part of the output."""
    print(f"warning: {printable(text)}", file=sys.stderr)  # noqa: T201  # for a person
