"""The OpenAPI document describes the routes, which schemathesis verifies."""

import re
import sys
from pathlib import Path

import httpx
import pytest
from schemathesis.specs.openapi import definitions
from starlette.routing import Route
from temporalio.client import Client

from durable_analytics.version import __version__
from gateway.app import create_app
from gateway.executions import Executions
from gateway.openapi import document
from gateway.settings import Settings
from tests.support.gateway_process import Gateway
from tests.worker.processes import clean_environment, running

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))


async def test_document_is_served_as_json(http: httpx.AsyncClient) -> None:
    """Without a write key."""
    response = await http.get("/openapi.json")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == document()


def test_document_matches_the_openapi_schema() -> None:
    """Its references resolve, and its operation ids are unique."""
    described = document()

    definitions.OPENAPI_31_VALIDATOR.validate(described)
    assert described["openapi"] == "3.1.0"
    assert described["info"]["version"] == __version__
    names = re.findall(r"'#/components/schemas/(\w+)'", str(described))
    assert set(names) == set(described["components"]["schemas"])
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    operation_ids = [item["operationId"] for item in operations if isinstance(item, dict)]
    assert len(set(operation_ids)) == len(operation_ids)


async def test_document_describes_every_route(temporal: Client) -> None:
    """Each with its methods, under each prefix."""
    settings = Settings.model_validate({"sources": {"segment": {"write_key": "segment"}}})
    app = create_app(settings, Executions(temporal, settings))
    served = set()
    for route in app.routes:
        assert isinstance(route, Route)
        path = re.sub(r"{\w+(:\w+)?}", "{}", route.path)
        served |= {(method, path) for method in route.methods or () if method != "HEAD"}

    documented = {
        (method.upper(), server["url"].rstrip("/") + re.sub(r"{\w+}", "{}", path))
        for path, item in document()["paths"].items()
        for server in item.get("servers", [{"url": "/"}])
        for method in item.keys() - {"servers"}
    }
    assert documented == served


@pytest.mark.slow
async def test_schemathesis_finds_no_deviation(gateway: Gateway, tmp_path: Path) -> None:
    """Valid and invalid requests get the documented responses."""
    command = (
        "-c",
        "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())",
        *("run", f"{gateway.url}/openapi.json", "--checks", "all", "--auth", "segment:"),
        # The short forms, which are answered as the long ones; and the pixel, whose data no schema
        # describes.
        *("--exclude-path-regex", "^/[a-z]$|/pixel/"),
        *("--max-examples", "5", "--generation-deterministic", "--no-color"),
    )

    async with running(*command, environment=clean_environment(), cwd=tmp_path) as run:
        status = await run.ended(seconds=240)

    assert status == 0, "\n".join(run.lines)
