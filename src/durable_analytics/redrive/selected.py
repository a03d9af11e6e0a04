"""What a redrive has selected, and what of it is still to be sent."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from durable_analytics.redrive.carried import CarriedMessage


@dataclass(frozen=True, slots=True)
class Selected:
    """What failed in an execution, and what of it is still to be sent."""

    run: tuple[str, str]
    """The workflow id and the run id."""

    indexes: frozenset[int]
    """The failed messages."""

    messages: tuple[CarriedMessage, ...] = ()
    """Those that are still to be sent."""

    unreadable: frozenset[int] = frozenset()
    """Those that cannot be sent: the input is not JSON, Temporal does not keep it any more, or the
    message is not an object."""

    reason: str | None = None
    """Why those cannot be sent."""

    def unite(self, other: "Selected") -> "Selected":
        """Unite it with what failed at another integration: each message is sent once."""
        messages = {message.origin.position: message for message in self.messages}
        for message in other.messages:
            origin = message.origin
            if same := messages.get(origin.position):
                origin = same.origin.unite(origin)
            messages[origin.position] = replace(message, origin=origin)
        return Selected(
            self.run,
            self.indexes | other.indexes,
            tuple(messages.values()),
            (self.unreadable | other.unreadable) - messages.keys(),
            self.reason or other.reason,
        )


async def unite_runs(selection: AsyncIterator[Selected]) -> AsyncIterator[Selected]:
    """Unite what failed in one run at several integrations; it is listed one after the other."""
    last: Selected | None = None
    async for selected in selection:
        if last and last.run == selected.run:
            last = last.unite(selected)
        else:
            if last:
                yield last
            last = selected
    if last:
        yield last
