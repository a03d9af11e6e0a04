"""What a Prometheus endpoint serves."""

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig

from runtime.metrics import prometheus
from tests.support.free_ports import free_port
from worker import data_converter

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One line."""

    name: str
    labels: dict[str, str]
    value: float


class Scraped(list[Sample]):
    """All samples of an answer."""

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that have these labels."""
        return sum(
            sample.value
            for sample in self
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """The samples of this name by the values of these labels."""
        found: dict[tuple[str, ...], float] = {}
        for sample in self:
            if sample.name == name:
                key = tuple(sample.labels.get(label, "") for label in labels)
                found[key] = found.get(key, 0) + sample.value
        return found

    def label_names(self, name: str) -> set[str]:
        """The labels that samples of this name have."""
        return {label for sample in self if sample.name == name for label in sample.labels}


async def scrape(address: str) -> Scraped:
    """Read `/metrics` of an address."""

    def read() -> str:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as response:
            return str(response.read().decode())

    samples = Scraped()
    for line in (await asyncio.to_thread(read)).splitlines():
        if match := _SAMPLE.match(line):
            labels = dict(_LABEL.findall(match[2] or ""))
            samples.append(Sample(match[1], labels, float(match[3])))
    return samples


@asynccontextmanager
async def measured_client(client: Client) -> AsyncIterator[tuple[Client, str]]:
    """A client of the same server whose runtime serves metrics, and their address."""
    address = f"127.0.0.1:{free_port()}"
    runtime = Runtime(
        telemetry=TelemetryConfig(metrics=prometheus(address), attach_service_name=False)
    )
    yield (
        await Client.connect(
            client.service_client.config.target_host,
            runtime=runtime,
            data_converter=data_converter(compress=False),
        ),
        address,
    )
