"""One trace, from a caller's request at the gateway to the provider's HTTP request."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import httpx
import pytest
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from durable_analytics.temporal import tracing
from durable_analytics.testing import StandIn
from tests.support.gateway_process import gateway_process
from tests.support.programs import run_program
from tests.support.trace_collector import Collector, collector
from tests.support.worker_settings import settings_for
from tests.worker.processes import ROOT, worker_environment, worker_process
from tests.workflows.record import CASES, HISTORIES
from worker import register

EMAIL, USER, NAME = "jane.planted@example.org", "user-7f3a91c2", "Jane Plantedsson"
WRITE_KEY = "segment-write-key"
"""The stand-in's credential, which a request to the provider carries."""


@pytest.fixture
async def collected() -> AsyncIterator[Collector]:
    """What the processes of a test send."""
    async with collector() as running:
        yield running


@pytest.mark.slow
async def test_one_trace_from_the_gateway_to_the_provider(
    temporal: Client, standin: StandIn, task_queue: str, collected: Collector
) -> None:
    """With the caller's trace id, each span under the right one, and nothing personal in them."""
    trace_id, parent_id = secrets.token_hex(16), secrets.token_hex(8)
    caller = {"traceparent": f"00-{trace_id}-{parent_id}-01", "baggage": f"user={USER}"}
    message = {
        "userId": USER,
        "event": "Hi",
        "properties": {"email": EMAIL},
        "context": {"traits": {"name": NAME}},
    }
    standin.script("segment", {"status": 500, "body": f"{NAME} <{EMAIL}>"})
    otel = collected.variables
    async with (
        worker_process(temporal, standin, task_queue, **otel),
        gateway_process(
            temporal.service_client.config.target_host, task_queue, settings=otel
        ) as gateway,
        httpx.AsyncClient(base_url=gateway.url, auth=("segment", "")) as http,
    ):
        response = await http.post("/v1/track?secret=in-a-query", json=message, headers=caller)
        posts = await collected.until("POST", 2)
        await collected.until("CompleteWorkflow:Batch")
        (deleted,) = [await http.delete(f"/v1/users/{USER}", headers=caller)]
        await collected.until("DELETE /v1/users/{user_id}")
        await collected.until("CompleteWorkflow:Delete")

    assert response.status_code == deleted.status_code == 200
    assert {one.trace_id for one in collected.spans} == {trace_id}
    assert [one.attributes["http.response.status_code"] for one in posts[:2]] == [500, 200]
    for post in posts[:2]:
        assert collected.lineage(post) == [
            "POST",
            "RunActivity:Batch.Send",
            "StartActivity:Batch.Send",
            "StartWorkflow:Batch",
            *("store messages", "POST /v1/track"),
        ]
    (run,) = [one for one in collected.spans if one.name == "RunWorkflow:Batch"]
    assert collected.lineage(run)[1] == "StartWorkflow:Batch"
    (received,) = [one for one in collected.spans if one.name == "POST /v1/track"]
    assert received.parent_id == parent_id
    assert received.service == "durable-analytics-gateway"
    assert posts[0].service == "durable-analytics-worker"
    planted = (EMAIL, USER, NAME, WRITE_KEY, "in-a-query", 'Hi"')
    assert not [text for text in planted if text.encode() in collected.raw]


@pytest.mark.slow
async def test_requests_that_share_an_execution_are_linked(
    temporal: Client, standin: StandIn, task_queue: str, collected: Collector
) -> None:
    """The span of the store belongs to the first trace, and links to the others."""
    otel = {**collected.variables, "ANALYTICS_GATEWAY__GATHER_INTERVAL": "0.3"}
    ids = [(secrets.token_hex(16), secrets.token_hex(8)) for _ in range(3)]
    async with (
        worker_process(temporal, standin, task_queue),
        gateway_process(
            temporal.service_client.config.target_host, task_queue, settings=otel
        ) as gateway,
        httpx.AsyncClient(base_url=gateway.url, auth=("segment", "")) as http,
    ):
        await asyncio.gather(
            *(
                http.post(
                    "/v1/track",
                    json={"userId": f"u-{number}", "event": "Hi"},
                    headers={"traceparent": f"00-{trace}-{parent}-01"},
                )
                for number, (trace, parent) in enumerate(ids)
            )
        )
        (stored,) = await collected.until("store messages")
        received = await collected.until("POST /v1/track", 3)

    assert {one.trace_id for one in received} == {trace for trace, _ in ids}
    assert {stored.parent_id, *stored.links} == {one.span_id for one in received}


CALLER = """
import asyncio
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from durable_analytics import AnalyticsClient

async def main():
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    analytics = await AnalyticsClient.connect(task_queue="{queue}", integration="segment")
    with trace.get_tracer("shop").start_as_current_span("checkout"):
        handle = await analytics.track(user_id="{user}", event="Hi")
    await handle.result()
    provider.shutdown()

asyncio.run(main())
"""


@pytest.mark.slow
async def test_one_trace_from_a_client(
    temporal: Client, standin: StandIn, task_queue: str, collected: Collector
) -> None:
    """A program that has OpenTelemetry set up needs nothing else."""
    otel = collected.variables
    async with worker_process(temporal, standin, task_queue, **otel):
        environment = worker_environment(temporal, standin, task_queue, **otel)
        program = CALLER.format(queue=task_queue, user=USER)
        await run_program(
            *("python", "-c", program),
            cwd=ROOT,
            TEMPORAL_ADDRESS=environment["TEMPORAL_ADDRESS"],
            **otel,
        )
        (post,) = await collected.until("POST")

    assert collected.lineage(post) == [
        "POST",
        "RunActivity:Track.Request",
        "StartActivity:Track.Request",
        "StartWorkflow:Track",
        "checkout",
    ]
    assert USER.encode() not in collected.raw


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
    ],
)
def test_off_unless_an_exporter_is_configured(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    """No interceptor, no span."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    tracing.forget()

    assert tracing.interceptors() == []
    with tracing.span("a") as span:
        assert span is None
    tracing.forget()


async def test_off_imports_nothing(temporal: Client) -> None:
    """A client without traces never loads OpenTelemetry."""
    target = temporal.service_client.config.target_host
    program = (
        "import asyncio, sys; from durable_analytics import AnalyticsClient; "
        "asyncio.run(AnalyticsClient.connect()); "
        "print('loaded', [name for name in sys.modules if name.startswith('opentelemetry')])"
    )

    assert "loaded []" in await run_program("python", "-c", program, TEMPORAL_ADDRESS=target)


def test_without_the_packages_a_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(tracing, "find_spec", lambda _: None)
    tracing.forget()

    assert not tracing.is_enabled()
    assert "durable-analytics[otel]" in caplog.text
    tracing.forget()


@pytest.mark.parametrize("name", CASES)
async def test_histories_without_traces_replay_with_them(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Switching traces on breaks no execution in flight."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    tracing.forget()
    history = WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text())
    replayer = Replayer(
        workflows=[],
        plugins=[register(settings_for(standin))],
        interceptors=tracing.interceptors(),
    )

    replayed = await replayer.replay_workflow(history, raise_on_replay_failure=True)

    assert replayed.replay_failure is None
    tracing.forget()
