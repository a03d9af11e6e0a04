"""One call registers everything, with a team's own `Worker` too."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.http import EmbeddersClient, HttpClient
from durable_analytics.redrive.names import LOCK_WORKFLOW
from durable_analytics.testing import StandIn
from durable_analytics.wire.methods import METHODS
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import UNLIKELY, outcome, own_worker, start
from tests.worker.order_placed import OrderPlaced
from worker import Settings, list_activities, list_workflows, register, registration
from worker.http_clients import http_clients


async def test_what_is_listed_is_what_is_registered(temporal: Client, standin: StandIn) -> None:
    """The names of both lists, sorted, and nothing else."""
    config = register(settings_for(standin)).configure_worker(
        {"client": temporal, "task_queue": "analytics"}
    )

    def names(key: str, attribute: str) -> list[str]:
        things: list[Callable[..., Any]] = config[key]  # type: ignore[literal-required]
        return sorted(getattr(thing, attribute).name for thing in things)

    assert names("workflows", "__temporal_workflow_definition") == list_workflows()
    assert names("activities", "__temporal_activity_definition") == list_activities()


def test_every_method_is_listed() -> None:
    """A workflow and two activities each, one more that sends batches, and those of pauses."""
    workflows = ["Batch", *(key.capitalize() for key in METHODS)]
    parts = ("Request", "Validation")

    assert list_workflows() == sorted([*workflows, LOCK_WORKFLOW, "Integration"])
    names = [f"{name}.{part}" for name in workflows for part in parts]
    pauses = ["Integration.ReadState", "Integration.SetLimit"]
    assert list_activities() == sorted([*names, "Batch.Send", *pauses])


async def test_beside_a_team_s_own_workflows(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Its workflow runs on the same worker, and ours as a child of it."""
    settings = settings_for(standin, task_queue=task_queue)

    async with Worker(
        temporal, task_queue=task_queue, workflows=[OrderPlaced], plugins=[register(settings)]
    ):
        output = await temporal.execute_workflow(
            OrderPlaced.run, UNLIKELY, id=task_queue, task_queue=task_queue
        )

    assert output["status"] == "success"
    assert [request["body"]["event"] for request in standin.requests] == ["Unlikely Event"]


async def test_a_client_of_the_embedder_s_own(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """It carries that integration's requests and stays open; the others have their own."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"success": True, "by": "the embedder"})

    settings = settings_for(standin, task_queue=task_queue)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as own:
        async with own_worker(temporal, settings, {"segment": own}):
            ours = await outcome(await start(temporal, task_queue))
            other = await outcome(await start(temporal, task_queue, integration="journy"))
        assert not own.is_closed

    assert ours["response"]["body"] == {"success": True, "by": "the embedder"}
    assert [json.loads(request.content)["userId"] for request in sent] == ["u-7f3a"]
    assert other["status"] == "success"
    assert [request["integration"] for request in standin.requests] == ["journy"]


async def test_our_connections_are_closed_with_the_worker(
    temporal: Client, standin: StandIn, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One client an integration, none of them with a connection afterwards."""
    made: list[HttpClient] = []

    def remember(settings: Settings, own: Mapping[str, EmbeddersClient]) -> dict[str, HttpClient]:
        clients = http_clients(settings, own)
        made.extend(clients.values())
        return clients

    monkeypatch.setattr(registration, "http_clients", remember)
    settings = settings_for(standin, task_queue=task_queue)

    async with own_worker(temporal, settings):
        await outcome(await start(temporal, task_queue))
        assert sum(client.connections.idle for client in made if client.connections) == 1

    assert len(made) == len(settings.integrations)
    assert sum(client.connections.idle for client in made if client.connections) == 0


async def test_a_client_for_no_integration_is_an_error(standin: StandIn) -> None:
    """A typing error in its name would leave the requests with another client."""
    async with httpx.AsyncClient() as own:
        with pytest.raises(ValueError, match=r"segmant.*segment"):
            register(settings_for(standin), clients={"segmant": own})
