"""The benchmarks run from end to end, so that they can't rot; how fast is not asked here."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.goals import GOALS
from benchmarks.processes import counts_memory

ROOT = Path(__file__).parents[2]


def test_every_comparison_yields_its_figure(tmp_path: Path) -> None:
    """With tiny sizes: a positive figure of both sides for every name, and the table."""
    output = tmp_path / "results.json"

    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--smoke", "--output", str(output)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    results = json.loads(output.read_text())
    uncounted = set() if counts_memory() else {"batch_peak_mib"}
    beside = {
        "stand_in_alone",
        "batch_vs_segment_sdk_across_network",
        "gateway_latency_vs_one_execution",
        "about",
    }
    assert results.keys() == {*GOALS, *beside} - uncounted
    for name in results.keys() - {"about"}:
        figure = results[name]
        assert figure["unit"], name
        assert min(figure["ours"], figure["other"], figure["ratio"]) > 0, (name, figure)
        assert name in ended.stdout
    assert results["about"]["cores"] > 0
    assert results["batch_vs_segment_sdk"]["overtaken"]["other"] == 0
