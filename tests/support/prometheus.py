"""Runs Debian's Prometheus, with the alerts of this repository, and queries it."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.child_process import ChildProcess, environment_without_settings
from tests.support.free_ports import free_port

FILES = Path(__file__).parents[2] / "deploy" / "observability"
DASHBOARD = FILES / "grafana" / "dashboards" / "durable-analytics.json"

WINDOW = "20s"
"""The window of all rates in a test."""

_PATIENCE_SECONDS = 180


def debian_program(name: str) -> str:
    """The path of `prometheus` or `promtool`."""
    if program := shutil.which(name):
        return program
    reason = f"there is no {name}: apt-get install -y prometheus"
    if "CI_REQUIRES_PROMETHEUS" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


def dashboard_queries() -> dict[str, str]:
    """The queries of all panels by the panel's title and the query's letter, all integrations."""
    dashboard = json.loads(DASHBOARD.read_text())
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        .replace("$__rate_interval", WINDOW)
        .replace("$integration", ".*")
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }


def quick_alerts() -> str:
    """The alerts, with windows of seconds instead of minutes, and without a wait."""
    text = (FILES / "alerts.yml").read_text()
    text = re.sub(r"offset \w+", f"offset {WINDOW}", text)
    text = re.sub(r"\[\w+\]", f"[{WINDOW}]", text)
    return re.sub(r"for: \w+", "for: 1s", text)


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of a query now: `metric` and `value` of each series."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            response = await client.get(f"{self.url}/api/v1/query", params={"query": expression})
        answer = response.json()
        assert answer["status"] == "success", (expression, answer)
        return list(answer["data"]["result"])

    async def firing(self) -> set[tuple[str, str]]:
        """The alerts that fire now, and their integration or source."""
        series = await self.query('ALERTS{alertstate="firing"}')
        return {
            (
                one["metric"]["alertname"],
                one["metric"].get("integration") or one["metric"].get("source", ""),
            )
            for one in series
        }

    async def until(self, alert: tuple[str, str], *, fires: bool) -> None:
        """Wait until an alert fires, or no longer does; there is no event for it."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (alert in await self.firing()) is not fires:  # noqa: ASYNC110
                await asyncio.sleep(0.5)

    async def until_nothing_fires(self) -> None:
        """Wait until no alert fires."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while await self.firing():  # noqa: ASYNC110
                await asyncio.sleep(0.5)


@asynccontextmanager
async def running_prometheus(folder: Path, targets: Mapping[str, str]) -> AsyncIterator[Prometheus]:
    """Run Prometheus with the alerts, until the end of the block.

    Args:
        folder: An empty folder.
        targets: The address of each job of `prometheus.yml`.
    """
    jobs = re.findall(r"job_name: (\S+)", (FILES / "prometheus.yml").read_text())
    assert sorted(jobs) == sorted(targets)
    (folder / "alerts.yml").write_text(quick_alerts())
    configuration = {
        # A scrape may take as long as the interval; on a busy machine, a second is too short.
        "global": {
            "scrape_interval": "3s",
            "scrape_timeout": "3s",
            "evaluation_interval": "1s",
        },
        "rule_files": ["alerts.yml"],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]}
            for job, target in targets.items()
        ],
    }
    # JSON is YAML.
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    address = f"127.0.0.1:{free_port()}"
    process = await ChildProcess.start(
        [
            debian_program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
        ],
        environment_without_settings(),
        output=folder / "prometheus.log",
    )
    try:
        await process.line("Server is ready to receive web requests")
        yield Prometheus(f"http://{address}")
    finally:
        await process.kill()
