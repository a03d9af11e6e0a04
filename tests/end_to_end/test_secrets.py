"""No credential in any history, output, failure or log line."""

import base64
import json
import logging
import uuid

import pytest
from temporalio.client import Client, WorkflowFailureError

from durable_analytics.testing import VENDORS, StandIn
from durable_analytics.wire.methods import METHODS
from tests.support.json_objects import Json
from worker import Settings

MESSAGES: dict[str, Json] = {
    "identify": {"user_id": "u-1", "traits": {"name": "Ada"}},
    "track": {"user_id": "u-1", "event": "E"},
    "delete": {"user_id": "u-1"},
    "metric": {"key": "words", "user": {"id": "u-1"}, "value": 1},
    "call": {"method": "POST", "path": "/v1/track", "body": {"a": 1}},
}


def spellings() -> set[str]:
    """Every credential of the stand-in, raw and as Basic authentication writes it."""
    raw = {value for vendor in VENDORS.values() for value in vendor.credentials.values()}
    return raw | {base64.b64encode(f"{value}:".encode()).decode() for value in raw}


@pytest.mark.parametrize("integration", VENDORS)
@pytest.mark.parametrize("status", [200, 401, 500])
async def test_no_credential_leaves_the_worker(
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    caplog: pytest.LogCaptureFixture,
    integration: str,
    status: int,
) -> None:
    """Even when the provider echoes each of them in its answer."""
    caplog.set_level(logging.DEBUG)
    echo = {"status": status, "body": {"echo": sorted(spellings())}}
    secrets = running_worker.integrations[integration].provider.secret_values()
    provider = running_worker.integrations[integration].provider
    seen = []
    for key in MESSAGES.keys() & set(provider.methods()):
        standin.script(integration, echo)
        handle = await temporal.start_workflow(
            METHODS[key].workflow,
            {
                "integration": integration,
                "policies": {"request": {"retry_policy": {"maximum_attempts": 1}}},
                key: MESSAGES[key],
            },
            id=f"secret-{uuid.uuid4()}",
            task_queue=running_worker.task_queue,
        )
        try:
            seen.append(json.dumps(await handle.result()))
        except WorkflowFailureError as failure:
            seen.append(f"{failure.cause!r} {failure.cause.details}")  # type: ignore[attr-defined]
        seen.append((await handle.fetch_history()).to_json())
        seen.append(_decoded((await handle.fetch_history()).to_json()))
    seen.append(caplog.text + repr([record.__dict__ for record in caplog.records]))

    assert len(seen) > 1
    everything = "\n".join(seen)
    assert [secret for secret in secrets if secret in everything] == []
    assert "[credential]" in everything


def _decoded(history: str) -> str:
    """The payloads of a history, which its JSON writes in base64."""
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                if key == "data" and isinstance(item, str):
                    found.append(base64.b64decode(item).decode(errors="replace"))
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(json.loads(history))
    return "\n".join(found)
