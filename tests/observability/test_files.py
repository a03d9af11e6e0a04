"""The files of `deploy/observability`: valid, complete, and about metrics that exist."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.prometheus import DASHBOARD, FILES, dashboard_queries, debian_program

ALERT_TESTS = Path(__file__).parent / "alerts"
DOCUMENT = Path(__file__).parents[2] / "docs" / "observability.md"

ALERTS = re.findall(r"- alert: (\w+)", (FILES / "alerts.yml").read_text())

OF_OTHERS = {"up"}
_NAME = re.compile(r"\b(analytics_\w+|temporal_\w+|up)\b(?=[{\[ )]|$)")


def promtool(*arguments: str) -> str:
    """What promtool prints; it must succeed."""
    done = subprocess.run(
        [debian_program("promtool"), *arguments], capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def test_the_configuration_and_its_alerts_are_valid() -> None:
    """The configuration names the file of the alerts."""
    output = promtool("check", "config", str(FILES / "prometheus.yml"))

    assert f"{len(ALERTS)} rules found" in output


def test_every_alert_has_a_test() -> None:
    assert sorted(path.stem for path in ALERT_TESTS.glob("*.yml")) == sorted(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_should_and_only_then(alert: str) -> None:
    """Promtool's test has a time at which it fires, and one at which it does not."""
    path = ALERT_TESTS / f"{alert}.yml"
    text = path.read_text()

    promtool("test", "rules", str(path))

    assert text.count(f"alertname: {alert}") == text.count("alertname:") > 1
    assert "exp_labels" in text


@pytest.mark.parametrize("alert", ALERTS)
def test_the_document_says_what_to_do_about_an_alert(alert: str) -> None:
    assert f"docs/observability.md#{alert.lower()}\n" in (FILES / "alerts.yml").read_text()
    assert f"\n### {alert}\n" in DOCUMENT.read_text()


def test_the_document_lists_every_metric_that_the_files_use() -> None:
    """Of ours; those of the SDK are Temporal's."""
    documented = set(re.findall(r"`(analytics_\w+)`", DOCUMENT.read_text()))
    queries = "\n".join([*dashboard_queries().values(), (FILES / "alerts.yml").read_text()])
    used = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for name in _NAME.findall(queries)
        if name.startswith("analytics_")
    }

    assert used == documented


def test_the_dashboard_shows_each_query_on_the_chosen_data_source() -> None:
    """Its panels do not overlap, and each is on the grid of 24 columns."""
    dashboard = json.loads(DASHBOARD.read_text())
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & own, panel["title"]
        assert at["x"] + at["w"] <= 24
        cells |= own
        if panel["type"] != "row":
            sources = {
                panel["datasource"]["uid"],
                *(t["datasource"]["uid"] for t in panel["targets"]),
            }
            assert sources == {"${datasource}"}
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    assert len(dashboard_queries()) >= 15
