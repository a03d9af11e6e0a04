"""Messages that wait for an integration that is no longer configured fail, and say so."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from durable_analytics.errors import SettingsError
from durable_analytics.temporal.pollers import last_polls
from durable_analytics.testing import StandIn
from durable_analytics.wire.search_attributes import INTEGRATION
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import UNLIKELY, outcome, own_process
from worker import Settings, former_integrations, load

pytestmark = pytest.mark.slow

SETTINGS: Json = {"policies": {"request": {"retry_policy": {"maximum_interval": "PT1S"}}}}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look more often."""
    monkeypatch.setattr(former_integrations, "_INTERVAL_SECONDS", 0.5)


def without_trakio(standin: StandIn, task_queue: str, **changes: Any) -> Settings:
    """The settings after Trak.io was removed."""
    before = settings_for(standin, task_queue=task_queue).integrations
    rest = {name: integration for name, integration in before.items() if name != "trakio"}
    return settings_for(standin, task_queue=task_queue, integrations=rest, **changes)


async def start(client: Client, task_queue: str, *, attribute: bool, **input: Any) -> Any:
    """Start a message or a batch for Trak.io."""
    pairs = [SearchAttributePair(INTEGRATION, ["trakio"])] if attribute else []
    return await client.start_workflow(
        "Batch" if "messages" in input else "Track",
        {"integration": "trakio", **SETTINGS, **input},
        id=f"test-{uuid.uuid4()}",
        task_queue=task_queue,
        search_attributes=TypedSearchAttributes(pairs),
    )


@pytest.mark.parametrize("attribute", [True, False])
async def test_what_waits_for_a_removed_integration_fails(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    attribute: bool,
) -> None:
    """Found by the search attribute, or named by the settings if there is none."""
    monkeypatch.setattr(former_integrations, "_RECENT", timedelta(seconds=1))
    standin.script("trakio", *[{"status": 503}] * 20)
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        handles = [
            await start(temporal, task_queue, attribute=attribute, track=UNLIKELY),
            await start(
                temporal,
                task_queue,
                attribute=attribute,
                messages=[{"type": "track", **UNLIKELY}] * 3,
            ),
        ]
        await standin.wait_for(2)

    named = {}
    if not attribute:
        missing = SearchAttributeKey.for_keyword_list("NotRegistered")
        monkeypatch.setattr(former_integrations, "INTEGRATION", missing)
        named = {"former_integrations": ["trakio"]}
    async with own_process(temporal, without_trakio(standin, task_queue, **named)):
        async with asyncio.timeout(60):
            outputs = [await outcome(handle) for handle in handles]

    assert [output["error"]["type"] for output in outputs] == ["UnknownIntegration"] * 2
    assert "configured: amplitude" in outputs[0]["error"]["message"]


async def test_a_queue_that_another_worker_polls_is_left_to_it(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """During a deploy that adds an integration, workers that do not know it fail no message."""
    standin.script("trakio", *[{"status": 503}] * 3)
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        handle = await start(temporal, task_queue, attribute=True, track=UNLIKELY)
        await standin.wait_for(1)
        # Another connection, as that of another process.
        other = await Client.connect(
            temporal.service_client.config.target_host, data_converter=temporal.data_converter
        )
        settings = without_trakio(standin, task_queue, former_integrations=["trakio"])
        async with own_process(other, settings):
            output = await outcome(handle)
            polls = await last_polls(temporal, f"{task_queue}.trakio")

    assert output["status"] == "success"
    assert not [who for who in polls if who.endswith(former_integrations.IDENTITY)]


def test_a_former_integration_must_not_be_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY", "a-key")
    monkeypatch.setenv("ANALYTICS_FORMER_INTEGRATIONS", "trakio, segment")

    with pytest.raises(SettingsError, match="former_integrations: must not name segment"):
        load()
