"""The least that a message costs: its JSON is read once and written once."""

from pydantic_core import from_json, to_json

from benchmarks.contenders.clock import cpu_seconds, settle
from benchmarks.messages import compact, make_tracks

_ROUNDS = 5


def run(count: int) -> dict[str, float]:
    """Read and write each message.

    Args:
        count: How many messages; each round reads all of them.

    Returns:
        `cpu_seconds`, and `cpu_seconds_per_message` of the fastest round.
    """
    bodies = [compact(track) for track in make_tracks(count)]
    settle()
    rounds = []
    for _ in range(_ROUNDS):
        before = cpu_seconds()
        for body in bodies:
            to_json(from_json(body))
        rounds.append(cpu_seconds() - before)
    return {"cpu_seconds": sum(rounds), "cpu_seconds_per_message": min(rounds) / count}
