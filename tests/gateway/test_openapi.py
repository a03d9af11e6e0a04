"""The OpenAPI document says what the gateway takes and answers, and schemathesis believes it."""

import re
import sys
from pathlib import Path

import httpx
from schemathesis.specs.openapi import definitions
from starlette.routing import Route
from temporalio.client import Client

from durable_analytics.version import __version__
from gateway.app import create_app
from gateway.executions import Executions
from gateway.messages import CALLS
from gateway.openapi import document
from gateway.settings import Settings
from tests.gateway.processes import Gateway
from tests.worker.processes import clean_environment, running

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))


async def test_it_is_served(http: httpx.AsyncClient) -> None:
    """To everybody, as JSON."""
    answer = await http.get("/openapi.json")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == document()


def test_it_is_openapi() -> None:
    """It holds to the schema of OpenAPI 3.1, and each of its references leads somewhere."""
    described = document()

    definitions.OPENAPI_31_VALIDATOR.validate(described)
    assert described["openapi"] == "3.1.0"
    assert described["info"]["version"] == __version__
    names = re.findall(r"'#/components/schemas/(\w+)'", str(described))
    assert set(names) == set(described["components"]["schemas"])
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    operation_ids = [one["operationId"] for one in operations if isinstance(one, dict)]
    assert len(set(operation_ids)) == len(operation_ids)


async def test_every_route_is_named(temporal: Client) -> None:
    """Each with its methods, under every prefix."""
    settings = Settings.model_validate({"sources": {"segment": {"write_key": "segment"}}})
    app = create_app(settings, Executions(temporal, settings))
    there = set()
    for route in app.routes:
        assert isinstance(route, Route)
        paths = [route.path.replace("{call:call}", call) for call in CALLS]
        for path in {re.sub(r"{\w+(:\w+)?}", "{}", path) for path in paths}:
            there |= {(method, path) for method in route.methods or () if method != "HEAD"}

    named = {
        (method.upper(), server["url"].rstrip("/") + re.sub(r"{\w+}", "{}", path))
        for path, item in document()["paths"].items()
        for server in item.get("servers", [{"url": "/"}])
        for method in item.keys() - {"servers"}
    }
    assert named == there


async def test_schemathesis(gateway: Gateway, tmp_path: Path) -> None:
    """Requests that hold to the document, and that break it, are answered as it says."""
    command = (
        "-c",
        "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())",
        *("run", f"{gateway.url}/openapi.json", "--checks", "all", "--auth", "segment:"),
        # The short forms, which are answered as the long ones.
        *("--exclude-path-regex", "^/[a-z]$"),
        *("--max-examples", "5", "--generation-deterministic", "--no-color"),
    )

    async with running(*command, environment=clean_environment(), cwd=tmp_path) as run:
        status = await run.ended(seconds=240)

    assert status == 0, "\n".join(run.lines)
