"""A bug of ours, or of a provider's author: told by its place, never by the values it met."""

import logging
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

from activities.http import HttpClient
from activities.http_send import READ_LIMIT_BYTES, send
from durable_analytics.errors import Internal
from durable_analytics.providers import HttpRequest, HttpResponse, builds
from durable_analytics.providers.segment import Segment
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from worker import IntegrationSettings, register

ONE_SECOND = timedelta(seconds=1)
SEGMENT = Segment.model_validate({"write_key": "segment-write-key"})
SECRET = "what-the-user-typed"


class BreaksBuilding(Segment):
    """Stumbles over a message."""

    @builds("page")
    def page(self, delivery: Any) -> HttpRequest:
        """See base class."""
        del delivery
        raise KeyError(SECRET)


class BreaksReading(Segment):
    """Stumbles over an answer."""

    def classify(self, response: HttpResponse) -> None:
        """See base class."""
        del response
        raise ZeroDivisionError(SECRET)


Deliver = Callable[[type[Segment]], Any]


@pytest.fixture
def deliver(temporal: Client, standin: StandIn) -> Deliver:
    """Deliver a page through a provider of this class; returns the failure's output."""

    async def run(provider: type[Segment]) -> Json:
        queue = f"broken-{uuid.uuid4()}"
        account = IntegrationSettings(
            provider=provider.model_validate(
                {"base_url": standin.base_url("segment"), "write_key": "segment-write-key"}
            ),
            allow_policies_override=True,
        )
        settings = settings_for(standin, task_queue=queue, integrations={"segment": account})
        data = {
            "policies": {"request": {"retry_policy": {"maximum_attempts": 2}}},
            "page": {"user_id": "u-1", "name": SECRET},
        }
        async with Worker(temporal, task_queue=queue, plugins=[register(settings)]):
            with pytest.raises(WorkflowFailureError) as failed:
                await temporal.execute_workflow("Page", data, id=queue, task_queue=queue)
        output: Json = failed.value.cause.details[0]  # type: ignore[attr-defined]
        return output

    return run


@pytest.mark.parametrize(
    ("provider", "activity", "exception", "requests"),
    [
        (BreaksBuilding, "Page.Validation", "KeyError", 0),
        (BreaksReading, "Page.Request", "ZeroDivisionError", 2),
    ],
)
async def test_a_bug_is_internal_and_tried_again(
    deliver: Deliver,
    standin: StandIn,
    caplog: pytest.LogCaptureFixture,
    provider: type[Segment],
    activity: str,
    exception: str,
    requests: int,
) -> None:
    """The failure names the exception, the log its place; neither has the value."""
    output = await deliver(provider)

    assert output["error"] == {
        "type": "Internal",
        "message": (
            f"{activity} raised an unexpected {exception}; the worker's log has the location"
        ),
        "fields": [],
    }
    assert output["integration"] == "segment"
    assert (output["response"] or {}).get("status_code") == (200 if requests else None)
    assert len(standin.requests) == requests
    records = [r.__dict__ for r in caplog.records if r.name == "durable_analytics.internal"]
    assert {record["exception"] for record in records} == {exception}
    assert all("test_internal.py" in "".join(record["where"]) for record in records)
    assert SECRET not in caplog.text
    assert SECRET not in str(records)


@pytest.mark.parametrize("error", [httpx.LocalProtocolError, httpx.UnsupportedProtocol])
async def test_a_request_that_http_cannot_carry_is_internal(error: type[Exception]) -> None:
    """It would never be sent, however often."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise error(SECRET)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as client:
        request = HttpRequest("GET", "http://example")
        with pytest.raises(Internal, match=rf"the request could not be sent \({error.__name__}\)"):
            await send(HttpClient(client), SEGMENT, request, delivery_id="m-1", deadline=ONE_SECOND)


async def test_an_answer_that_does_not_decompress_keeps_its_status() -> None:
    """What of its body could be read is told as cut."""
    broken = httpx.MockTransport(
        lambda _: httpx.Response(
            200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"not gzip")
        )
    )
    async with httpx.AsyncClient(transport=broken) as client:
        request = HttpRequest("GET", "http://example")
        answer = await send(
            HttpClient(client), SEGMENT, request, delivery_id="m-1", deadline=ONE_SECOND
        )

    assert (answer.status_code, answer.body, answer.truncated) == (200, "", True)


async def test_a_credential_across_the_cut_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    """Half of it would still be half of it."""
    secret = "k" * 40
    provider = Segment.model_validate({"write_key": secret})
    body = "x" * (READ_LIMIT_BYTES - 20) + secret + "y" * 100
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    caplog.set_level(logging.DEBUG)
    async with httpx.AsyncClient(transport=transport) as client:
        request = HttpRequest("GET", "http://example")
        answer = await send(
            HttpClient(client), provider, request, delivery_id="m-1", deadline=ONE_SECOND
        )

    assert answer.truncated
    assert answer.body.endswith("x[credential]yyyyyyyy")
    assert "kk" not in answer.body + caplog.text
