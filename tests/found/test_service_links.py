"""What Kubernetes sets by itself for each Service is no setting of ours, and no typing error."""

import json
from collections.abc import Mapping

import pytest
from temporalio.client import Client

from durable_analytics.errors import SettingsError
from durable_analytics.testing import StandIn
from runtime.settings import ProcessSettings
from tests.support.free_ports import free_port
from tests.support.gateway_process import sources
from tests.worker.processes import clean_environment, running, worker_environment


def service(name: str, host: str, port: int, protocol: str = "tcp") -> dict[str, str]:
    """The variables that the kubelet sets for a Service with one named port."""
    prefix = name.upper().replace("-", "_")
    at = f"[{host}]" if ":" in host else host
    url, number = f"{protocol}://{at}:{port}", f"{prefix}_PORT_{port}_{protocol.upper()}"
    return {
        f"{prefix}_SERVICE_HOST": host,
        f"{prefix}_SERVICE_PORT": str(port),
        f"{prefix}_SERVICE_PORT_HTTP": str(port),
        f"{prefix}_PORT": url,
        number: url,
        f"{number}_PROTO": protocol,
        f"{number}_PORT": str(port),
        f"{number}_ADDR": host,
    }


SERVICES = {
    "of the gateway": service("analytics-gateway", "10.0.0.7", 8088),
    "of the gateway, over IPv6": service("analytics-gateway", "fd00::7", 8088),
    "of everything": service("analytics", "10.0.0.7", 8088),
    "of the worker": service("analytics-worker", "10.0.0.7", 9090),
    "of the worker, SCTP": service("analytics-worker", "10.0.0.7", 9090, "sctp"),
    "of a task queue": service("analytics-task-queue", "10.0.0.7", 53, "udp"),
    "of several": service("analytics", "10.0.0.7", 80) | service("analytics-2", "10.0.0.8", 80),
    "of the gateway, in two names": service("analytics-gateway-port", "10.0.0.7", 8088),
}


@pytest.mark.parametrize("variables", SERVICES.values(), ids=SERVICES)
def test_service_links_are_left_alone(
    variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the Service is called."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert ProcessSettings.load().task_queue == "analytics"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANALYTICS_GATEWAY_PORT", "8088"),
        ("ANALYTICS_GATEWAY_PORT", "http://10.0.0.7:8088"),
        ("ANALYTICS_GATEWAY_HOST", "10.0.0.7"),
        ("ANALYTICS_SERVICE_HOST", "localhost"),
        ("ANALYTICS_SERVICE_PORT", "http"),
        ("ANALYTICS_PORT", "8088"),
        ("ANALYTICS_PORT_8088_TCP_ADDR", "gateway"),
        ("ANALYTICS_TASK_QEUE", "mine"),
        ("ANALYTICS_LOGLEVEL", "INFO"),
    ],
)
def test_a_typing_error_is_still_one(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the name or the value of a setting."""
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=f"^{name}: is not a setting"):
        ProcessSettings.load()


LINKS = service("analytics-gateway", "10.0.0.7", 8088)


@pytest.mark.slow
async def test_the_worker_and_the_gateway_in_a_cluster(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Both start, and say in one line what they leave alone."""
    worker = worker_environment(temporal, standin, task_queue, **LINKS)
    gateway = clean_environment(
        TEMPORAL_ADDRESS=worker["TEMPORAL_ADDRESS"],
        ANALYTICS_GATEWAY__PORT=str(free_port()),
        **sources(),
        **LINKS,
    )

    for part, environment in (("worker", worker), ("gateway", gateway)):
        async with running("-m", part, environment=environment) as run:
            await run.line(f"{part} started")
            lines = [json.loads(line) for line in run.lines]
        (line,) = [line for line in lines if "Kubernetes" in line["event"]]
        assert line["variables"] == sorted(LINKS)
