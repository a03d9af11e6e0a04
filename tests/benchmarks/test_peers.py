"""The comparison with other systems runs from end to end, where they are installed."""

import json
from pathlib import Path

import pytest

from benchmarks.peers.__main__ import SMOKE, run_peers
from benchmarks.peers.systems import PEERS, Peer
from benchmarks.processes import BenchmarkError


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS[1:], ids=lambda peer: peer.name)
async def test_a_system_delivers_single_messages_and_batches(peer: Peer, tmp_path: Path) -> None:
    """At both delays, and after its worker was killed."""
    try:
        peer.check_installed()
    except BenchmarkError as error:
        pytest.skip(str(error))
    output = tmp_path / "peers.json"

    await run_peers([peer], SMOKE, output)

    results = json.loads(output.read_text())
    for shape in ("single", "batch"):
        row = results[f"{peer.name}_{shape}"]
        assert row["program_lines"] > 0
        for delay in ("at_once", "after_20_ms"):
            assert row[delay].get("messages_per_second", 0) > 0, row
            assert row[delay]["cpu_seconds_per_message"] > 0
        assert row["killed"].get("messages") == SMOKE.messages[shape], row


async def test_a_system_that_is_missing_costs_its_own_rows(tmp_path: Path) -> None:
    """The reason says what is missing."""
    missing = Peer("missing", "celery_tasks", PEERS[0].start, lambda: {"redis-server": False})

    results = await run_peers([missing], SMOKE, tmp_path / "peers.json")

    error = {"error": "not installed: redis-server (make bench-peers installs it)"}
    for shape in ("single", "batch"):
        row = results[f"missing_{shape}"]
        assert [row[key] for key in ("at_once", "after_20_ms", "killed")] == [error] * 3
