"""The status of a response counts, also if its body is cut or stalls; but for a success."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

from activities.http import HttpClient
from activities.http_send import send
from durable_analytics.errors import Unavailable
from durable_analytics.providers import HttpRequest, HttpResponse
from durable_analytics.testing import StandIn
from tests.found.providers import OK, Respond, answering, closing_after, raw_provider
from tests.providers.building import ACCOUNTS
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_with
from worker import register

HALF_A_SECOND = timedelta(seconds=0.5)

PART = b"no such user, an"
CUT = b"Content-Length: 50\r\n\r\n" + PART
CUT_CHUNK = b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + PART + b"\r\n5\r\n"
NO_CHUNK = b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + PART + b"\r\nno chunk\r\n"


def head(status: int, *headers: str) -> bytes:
    """The beginning of a response."""
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} X", *headers)).encode()


class Sent:
    """One request to a provider: its response, or why there is none."""

    def __init__(self) -> None:
        self.response: HttpResponse | None = None
        self.incomplete: list[HttpResponse] = []
        self.failure: Unavailable | None = None
        self.seconds = 0.0

    @classmethod
    async def to(cls, respond: Respond, name: str = "segment") -> "Sent":
        """Send it; its connection must be closed."""
        sent, began = cls(), time.monotonic()
        client = HttpClient.of_settings(proxy=None, ca_bundle=None, max_in_flight=1)
        async with raw_provider(respond) as provider:
            try:
                sent.response = await send(
                    client,
                    ACCOUNTS[name],
                    HttpRequest("POST", f"http://127.0.0.1:{provider.port}/", {}),
                    delivery_id="m-1",
                    deadline=HALF_A_SECOND,
                    on_incomplete=sent.incomplete.append,
                )
            except Unavailable as error:
                sent.failure = error
            sent.seconds = time.monotonic() - began
            await provider.wait_until(lambda: provider.open == 0)
            assert client.connections
            assert (client.connections.busy, client.connections.idle) == (0, 0)
        await client.aclose()
        return sent


@pytest.mark.parametrize("rest", [CUT, CUT_CHUNK, NO_CHUNK], ids=["cut", "chunk", "no chunk"])
@pytest.mark.parametrize("status", [302, 400, 401, 413, 429, 500, 503])
async def test_status_other_than_2xx_counts_if_its_body_is_cut(status: int, rest: bytes) -> None:
    """With its headers and the received part of its body."""
    sent = await Sent.to(closing_after(head(status, "Retry-After: 5") + rest))

    assert sent.response == HttpResponse(
        status, {"retry-after": "5"}, PART.decode(), truncated=True
    )
    assert sent.incomplete == []


@pytest.mark.parametrize("name", ["amplitude", "mixpanel", "archive"])
async def test_a_status_whose_body_says_which_messages_are_refused_needs_it(name: str) -> None:
    """Without it, good messages would be rejected; with a whole object, nothing is missing."""
    cut = await Sent.to(closing_after(head(400) + CUT), name)
    whole = b'Content-Length: 50\r\n\r\n{"code": 400}'
    read = await Sent.to(closing_after(head(400) + whole), name)

    assert cut.failure
    assert [part.status_code for part in cut.incomplete] == [400]
    assert read.response
    assert read.response.body == {"code": 400}
    assert (await Sent.to(closing_after(head(401) + CUT), name)).response


@pytest.mark.parametrize("status", [400, 429])
async def test_status_other_than_2xx_counts_if_its_body_stalls(status: int) -> None:
    """At the timeout of the request."""
    sent = await Sent.to(answering(head(status) + CUT))

    assert sent.response
    assert (sent.response.status_code, sent.response.truncated) == (status, True)
    assert 0.4 < sent.seconds < 2


@pytest.mark.parametrize(
    ("respond", "message"),
    [
        (
            closing_after(head(200) + CUT),
            "127.0.0.1 closed the connection before the end of its response",
        ),
        (answering(head(202) + CUT), "127.0.0.1 did not finish its response within 0.5 s"),
    ],
    ids=["cut", "stalls"],
)
async def test_2xx_that_ends_early_is_no_success(respond: Respond, message: str) -> None:
    """The rest of its body might say that the provider refused the message."""
    sent = await Sent.to(respond)

    assert sent.response is None
    assert sent.failure
    assert sent.failure.message == message
    (incomplete,) = sent.incomplete
    assert (incomplete.body, incomplete.truncated) == (PART.decode(), True)


async def test_cut_status_of_a_proxy_is_sent_again() -> None:
    """Like a whole one: through a proxy, nobody knows who refused the request."""
    refusing = closing_after(head(407) + CUT)
    async with raw_provider(refusing) as proxy:
        client = HttpClient.of_settings(
            proxy=f"http://127.0.0.1:{proxy.port}", ca_bundle=None, max_in_flight=1
        )
        request = HttpRequest("POST", "http://provider.invalid/", {})
        with pytest.raises(Unavailable, match="the proxy refused to connect"):
            await send(
                client,
                ACCOUNTS["segment"],
                request,
                delivery_id="m-1",
                deadline=HALF_A_SECOND,
            )
        await client.aclose()


def one_by_one(*responds: Respond) -> Respond:
    """Answer each request in another way, and those after them with success."""
    waiting = [*responds]

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        following = waiting.pop(0) if waiting else answering(OK)
        await following(reader, writer)

    return respond


POLICIES: Json = {
    "request": {
        "single_attempt_timeout": 1,
        "retry_policy": {"initial_interval": "PT0.05S", "maximum_attempts": 2},
    }
}
TRACK: Json = {"user_id": "u-1", "event": "E"}
SINGLE: tuple[str, Json] = ("Track", {"track": TRACK})
BATCH: tuple[str, Json] = ("Batch", {"messages": [{"type": "track", **TRACK}] * 2})


async def deliver(
    temporal: Client, standin: StandIn, respond: Respond, workflow: str, data: Json
) -> tuple[Json, int]:
    """Deliver to a provider that responds so; return the output and the number of requests."""
    async with raw_provider(respond) as provider:
        settings = settings_with(
            standin, f"test-{uuid.uuid4()}", base_url=f"http://127.0.0.1:{provider.port}"
        )
        async with Worker(temporal, task_queue=settings.task_queue, plugins=[register(settings)]):
            try:
                output = await temporal.execute_workflow(
                    workflow,
                    {**data, "policies": POLICIES},
                    id=f"test-{uuid.uuid4()}",
                    task_queue=settings.task_queue,
                )
            except WorkflowFailureError as failure:
                output = failure.cause.details[0]  # type: ignore[attr-defined]
        return output, len(provider.bodies)


def attempts(output: Json) -> Sequence[tuple[int | None, str | None]]:
    """The status and the error of each attempt, of a batch's only request too."""
    listed = output["attempts"] if "attempts" in output else output["responses"][0]["attempts"]
    return [(attempt["status_code"], attempt["error"]) for attempt in listed]


@pytest.mark.parametrize(("workflow", "data"), [SINGLE, BATCH], ids=["single", "batch"])
@pytest.mark.parametrize(
    ("status", "error"), [(400, "Rejected"), (401, "Unauthorized"), (302, "Rejected")]
)
async def test_final_status_whose_body_is_cut_is_final(
    temporal: Client, standin: StandIn, workflow: str, data: Json, status: int, error: str
) -> None:
    """It is not sent again as long as the policy lasts."""
    output, requests = await deliver(
        temporal, standin, closing_after(head(status) + CUT), workflow, data
    )

    assert output["error"]["type"] == error
    assert requests == 1
    response = output["response"] if workflow == "Track" else output["responses"][0]
    assert (response["status_code"], response["truncated"]) == (status, True)


@pytest.mark.parametrize(("workflow", "data"), [SINGLE, BATCH], ids=["single", "batch"])
async def test_final_status_whose_body_stalls_is_final(
    temporal: Client, standin: StandIn, workflow: str, data: Json
) -> None:
    """The attempt ends with the timeout of its request, and reports the status."""
    output, requests = await deliver(temporal, standin, answering(head(400) + CUT), workflow, data)

    assert output["error"]["type"] == "Rejected"
    assert requests == 1


@pytest.mark.parametrize(("workflow", "data"), [SINGLE, BATCH], ids=["single", "batch"])
async def test_cut_429_waits_as_it_asks(
    temporal: Client, standin: StandIn, workflow: str, data: Json
) -> None:
    began = time.monotonic()
    cut = closing_after(head(429, "Retry-After: 1") + CUT)
    output, _ = await deliver(temporal, standin, one_by_one(cut), workflow, data)

    assert output["status"] == "success"
    assert attempts(output) == [(429, "RateLimited"), (200, None)]
    assert time.monotonic() - began > 1


@pytest.mark.parametrize(("workflow", "data"), [SINGLE, BATCH], ids=["single", "batch"])
async def test_cut_2xx_is_sent_again_and_shows_its_status(
    temporal: Client, standin: StandIn, workflow: str, data: Json
) -> None:
    cut = closing_after(head(200) + CUT)
    again, _ = await deliver(temporal, standin, one_by_one(cut), workflow, data)
    failed, _ = await deliver(temporal, standin, cut, workflow, data)

    assert again["status"] == "success"
    assert attempts(again) == [(200, "Unavailable"), (200, None)]
    assert failed["error"]["type"] == "Unavailable"
    assert attempts(failed) == [(200, "Unavailable")] * 2
    response = failed["response"] if workflow == "Track" else failed["responses"][0]
    assert (response["status_code"], response["truncated"]) == (200, True)
    assert response["body"] == PART.decode()
