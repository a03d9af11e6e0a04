"""Each method of the client: what it starts, and what arrives at the provider."""

from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from temporalio.client import Client

from durable_analytics import AnalyticsClient
from durable_analytics.testing import StandIn
from durable_analytics.version import __version__
from durable_analytics.wire.methods import METHODS
from tests.support.json_objects import Json
from tests.support.method_cases import CASES
from tests.support.noted_starts import Starts
from worker import Settings

LIBRARY: Json = {"library": {"name": "durable-analytics", "version": __version__}}


def test_every_method_has_a_case() -> None:
    """A new one needs its line above."""
    assert CASES.keys() == METHODS.keys()


@pytest.mark.parametrize("key", METHODS)
async def test_delivers(
    analytics: AnalyticsClient, starts: Starts, standin: StandIn, key: str
) -> None:
    """One start with the contract's JSON, one request, and the output."""
    case = CASES[key]
    message = {**case.required, **case.chosen, **case.more}

    handle = await getattr(analytics, key)(**message, integration=case.integration)
    output = await handle.result()

    (start,) = starts.noted
    assert (start.workflow, start.task_queue) == (METHODS[key].workflow, "analytics")
    assert start.id == handle.workflow_id == f"{case.integration}:{key}:{handle.message_id}"
    assert start.args == [
        {
            "integration": case.integration,
            "context": LIBRARY,
            key: {**message, "message_id": handle.message_id},
        }
    ]
    (request,) = standin.requests
    assert (request["integration"], request["path"]) == (case.integration, case.path)
    assert {name: request["body"].get(name) for name in case.body} == case.body
    assert (output["status"], output["response"]["status_code"]) == ("success", request["answered"])
    assert output[key]["message_id"] == handle.message_id


async def test_every_option_has_its_place(
    analytics: AnalyticsClient, starts: Starts, standin: StandIn
) -> None:
    """What is not the message's stands beside it."""
    handle = await analytics.track(
        user_id="u-1",
        event="Order Completed",
        properties={"currency": "points"},
        integration="rudderstack",
        context={"locale": "en-US"},
        policies={"request": {"single_attempt_timeout": 2}},
        request_options={"headers": {"X-Shop": "4"}, "query": {"debug": "1"}},
        strict=False,
        timestamp="2026-11-20T09:30:00Z",
        integrations={"All": False, "RudderStack": True},
        message_id="every-option",
    )
    await handle.result()

    assert starts.noted[0].args == [
        {
            "integration": "rudderstack",
            "policies": {"request": {"single_attempt_timeout": 2}},
            "context": {**LIBRARY, "locale": "en-US"},
            "request_options": {"headers": {"X-Shop": "4"}, "query": {"debug": "1"}},
            "strict": False,
            "track": {
                "user_id": "u-1",
                "event": "Order Completed",
                "properties": {"currency": "points"},
                "timestamp": "2026-11-20T09:30:00Z",
                "integrations": {"All": False, "RudderStack": True},
                "message_id": "every-option",
            },
        }
    ]
    (request,) = standin.requests
    assert (request["integration"], request["query"]) == ("rudderstack", {"debug": "1"})
    assert request["headers"]["x-shop"] == "4"


async def test_mappings_and_tuples_are_objects_and_lists(
    analytics: AnalyticsClient, standin: StandIn
) -> None:
    """As the types of the keywords promise."""
    alias = await analytics.alias(
        previous_user_id="a-1", new_user_id=("u-1", "u-2"), integration="trakio"
    )
    await alias.result()
    track = await analytics.track(
        user_id="u-1", event="E", properties=MappingProxyType({"tags": ("new", "big")})
    )
    await track.result()

    aliased, tracked = (request["body"] for request in standin.requests)
    assert aliased["data"]["alias"] == ["u-1", "u-2"]
    assert tracked["properties"] == {"tags": ["new", "big"]}


@pytest.mark.parametrize(
    ("integration", "options", "prefix"),
    [
        (None, {}, "default"),
        ("journy", {}, "journy"),
        ("journy", {"integration": "segment"}, "segment"),
        ("journy", {"integration": None}, "default"),
    ],
)
async def test_the_calls_integration_wins(
    noted: Client,
    running_worker: Settings,
    integration: str | None,
    options: Any,
    prefix: str,
) -> None:
    """Then the client's, then the worker's, which has no name yet."""
    analytics = AnalyticsClient(noted, integration=integration)

    handle = await analytics.track(user_id="u-1", event="E", **options)

    assert handle.workflow_id == f"{prefix}:track:{handle.message_id}"
    output = await handle.result()
    expected = running_worker.default_integration if prefix == "default" else prefix
    assert output["integration"] == expected


@pytest.mark.parametrize("options", [{}, {"message_id": None}])
async def test_two_messages_have_two_ids(analytics: AnalyticsClient, options: Any) -> None:
    """None is no id: two messages that share one would be delivered once."""
    first = await analytics.track(user_id="u-1", event="E", **options)
    second = await analytics.track(user_id="u-1", event="E", **options)
    await first.result()
    await second.result()

    assert first.message_id != second.message_id
    assert {UUID(handle.message_id).version for handle in (first, second)} == {4}


async def test_camel_case_is_taken(analytics: AnalyticsClient, standin: StandIn) -> None:
    """For keywords that come out of an SDK's message."""
    message: Any = {"userId": "u-1", "event": "E", "messageId": "camel-case"}

    handle = await analytics.track(**message)
    await handle.result()

    assert handle.message_id == standin.requests[0]["body"]["messageId"] == "camel-case"
