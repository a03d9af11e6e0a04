"""One call registers everything, with a team's own `Worker` too."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics.contract import METHODS
from durable_analytics.testing import StandIn
from tests.conftest import settings_for
from tests.worker.deliveries import UNLIKELY, outcome, own_worker, start
from tests.worker.order_placed import OrderPlaced
from worker import list_activities, list_workflows, register


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
    """A workflow and two activities each."""
    workflows = ["Batch", *(key.capitalize() for key in METHODS)]
    parts = ("Request", "Validation")

    assert list_workflows() == sorted(workflows)
    assert list_activities() == sorted(f"{name}.{part}" for name in workflows for part in parts)


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


async def test_our_clients_are_closed_with_the_worker(
    temporal: Client, standin: StandIn, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One an integration, none of them open afterwards."""
    made: list[httpx.AsyncClient] = []
    original = httpx.AsyncClient.__init__

    def remember(self: httpx.AsyncClient, *args: Any, **options: Any) -> None:
        made.append(self)
        original(self, *args, **options)

    monkeypatch.setattr(httpx.AsyncClient, "__init__", remember)
    settings = settings_for(standin, task_queue=task_queue)

    async with own_worker(temporal, settings):
        await outcome(await start(temporal, task_queue))
        assert [client.is_closed for client in made] == [False] * len(settings.integrations)

    assert [client.is_closed for client in made] == [True] * len(settings.integrations)


async def test_a_client_for_no_integration_is_an_error(standin: StandIn) -> None:
    """A typing error in its name would leave the requests with another client."""
    async with httpx.AsyncClient() as own:
        with pytest.raises(ValueError, match=r"segmant.*segment"):
            register(settings_for(standin), clients={"segmant": own})
