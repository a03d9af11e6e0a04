"""The benchmarks run from end to end with tiny sizes; speed is not tested."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import run_measures
from benchmarks.environments import environment_of
from benchmarks.goals import GOALS
from benchmarks.measures import standin_capacity
from benchmarks.measures.figures import Advance, Figure, Measure, Row
from benchmarks.options import SMOKE, Sizes
from benchmarks.processes import BenchmarkError, can_read_other_processes
from benchmarks.testbed import Testbed

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_every_comparison_yields_its_figures(tmp_path: Path) -> None:
    """Each name has positive values of both contenders, in the JSON and in the table."""
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
    not_measured = set() if can_read_other_processes() else {"batch_peak_mib"}
    without_goal = {
        "stand_in_alone",
        "batch_vs_before_codec_off",
        "cpu_per_message_vs_before_codec_off",
        "gateway_sdk_vs_direct_codec_off",
        "gateway_sdk_vs_direct_one_process",
        "about",
    }
    assert results.keys() == {*GOALS, *without_goal} - not_measured
    for name in results.keys() - {"about"}:
        figure = results[name]
        assert figure["unit"], name
        assert min(figure["ours"], figure["other"]) > 0, (name, figure)
        assert figure["ratio"] > 0 or name == "gateway_latency", (name, figure)
        assert name in ended.stdout
    assert results["about"]["cores"] > 0
    assert results["batch_vs_segment_sdk"]["overtaken"]["other"] == 0
    assert results["batch_vs_segment_sdk"]["cpu_seconds_per_message"]["ours"]["client"] > 0
    assert results["batch_vs_before"]["before"] == "current"
    assert results["batch_vs_before"]["codec"] == "on"


async def test_a_failed_comparison_costs_only_its_own_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next comparison is measured; the JSON holds the reason of the failed one."""
    output = tmp_path / "results.json"
    rows: dict[str, Row] = {}

    await run_measures(
        [Measure(("broken",), _run_unknown_contender, lambda _: 1), *standin_capacity.MEASURES],
        SMOKE,
        output,
        rows,
    )

    results = json.loads(output.read_text())
    assert results["broken"]["error"].startswith("no_such_contender ended with status 1: ")
    assert "ModuleNotFoundError" in results["broken"]["error"]
    assert "Traceback" in capsys.readouterr().err
    assert results["stand_in_alone"]["ours"] > 0
    assert isinstance(rows["stand_in_alone"], Figure)


async def test_a_comparison_for_which_no_time_is_left_has_a_row(tmp_path: Path) -> None:
    """The time of all comparisons together is limited."""
    rows: dict[str, Row] = {}

    sizes = replace(SMOKE, seconds=0)
    await run_measures(standin_capacity.MEASURES, sizes, tmp_path / "results.json", rows)

    results = json.loads((tmp_path / "results.json").read_text())
    assert results["stand_in_alone"] == {"error": "no time was left"}


async def test_a_commit_that_the_history_lacks_costs_its_own_row() -> None:
    """A shallow clone does not have it."""
    with pytest.raises(BenchmarkError, match="commit 0000000 is not in the history here"):
        await environment_of("0000000")


async def _run_unknown_contender(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    del sizes, advance
    await testbed.contender("no_such_contender")
    return []
