"""Without a server, a call ends in a clear error; with one, the environment says where it is."""

import asyncio
import socket
import subprocess
import sys
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio.client import Client, GrpcCompression
from temporalio.runtime import Runtime
from temporalio.testing import WorkflowEnvironment

from durable_analytics import AnalyticsClient, NotAccepted, SettingsError
from durable_analytics.temporal.connection import connect
from durable_analytics.testing import StandIn
from tests.support.programs import TEMPORAL
from worker import Settings

HTTP_LIBRARIES = {"httpx", "aiohttp", "requests", "urllib3", "httpcore"}
SHORT = timedelta(milliseconds=300)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine's own settings are."""
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def nobody() -> str:
    """An address of loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def test_the_address_comes_from_the_environment(
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As for Temporal's own tools."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.service_client.config.target_host)
    analytics = await AnalyticsClient.connect(
        integration="segment", context={"locale": "en-US"}, task_queue=running_worker.task_queue
    )

    output = await (await analytics.track(user_id="u-1", event="E")).result()

    assert output["status"] == "success"
    assert standin.requests[0]["body"]["context"]["locale"] == "en-US"


async def test_grpc_does_not_compress(temporal: Client) -> None:
    """Unless the caller wants it."""
    address = temporal.service_client.config.target_host

    default = await connect(target_host=address)
    chosen = await connect(target_host=address, grpc_compression=GrpcCompression.GZIP)

    assert default.service_client.config.grpc_compression is GrpcCompression.NONE
    assert chosen.service_client.config.grpc_compression is GrpcCompression.GZIP


async def test_no_server(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the address, and how to set another."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", nobody)
    monkeypatch.setattr("durable_analytics.client.client.connect", partial(connect, SHORT))

    with pytest.raises(NotAccepted) as refused:
        await AnalyticsClient.connect()

    assert str(refused.value) == (
        f"no Temporal server responds at {nobody} (connection refused): "
        "start one, or set TEMPORAL_ADDRESS"
    )
    assert isinstance(refused.value.__cause__, RuntimeError)


async def test_after_a_fork_a_client_connects_by_a_runtime_of_its_own(
    temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK refuses the runtime of the process before the fork."""
    attempt = Client.connect
    runtimes: list[Runtime | None] = []

    async def in_a_child(*, runtime: Runtime | None = None, **config: Any) -> Client:
        runtimes.append(runtime)
        if runtime is None:
            raise AssertionError("Cannot create client across forks")
        return await attempt(runtime=runtime, **config)

    monkeypatch.setattr(Client, "connect", in_a_child)

    client = await connect(target_host=temporal.service_client.config.target_host)

    assert await client.count_workflows("WorkflowId = 'nobody'")
    assert [runtime is None for runtime in runtimes] == [True, False]


async def test_a_client_of_before_a_fork_says_so(
    temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what to do."""
    analytics = AnalyticsClient(temporal, integration="segment")

    async def in_a_child(*_: Any, **__: Any) -> None:
        raise AssertionError("Cannot use client across forks")

    monkeypatch.setattr(Client, "start_workflow", in_a_child)

    with pytest.raises(NotAccepted, match="connected before a fork, in another process: connect"):
        await analytics.track(user_id="u-1", event="E")


async def test_no_such_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting is wrong, which no waiting mends."""
    monkeypatch.setenv("TEMPORAL_PROFILE", "nowhere")

    with pytest.raises(SettingsError, match="the connection to Temporal: Profile 'nowhere'"):
        await AnalyticsClient.connect()


async def test_connects_to_a_server_that_is_about_to_start(
    nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again until the patience ends."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", nobody)
    tried = asyncio.Event()
    attempt = Client.connect

    async def noted(*address: Any, **config: Any) -> Client:
        try:
            return await attempt(*address, **config)
        except RuntimeError:
            tried.set()
            raise

    monkeypatch.setattr(Client, "connect", noted)
    connecting = asyncio.create_task(connect(timedelta(seconds=60)))
    await tried.wait()
    async with await WorkflowEnvironment.start_local(
        port=int(nobody.rpartition(":")[2]),
        dev_server_existing_path=TEMPORAL,
        dev_server_log_level="error",
    ):
        client = await connecting

    assert client.service_client.config.target_host == nobody


async def test_a_server_that_has_gone_away() -> None:
    """A call gives up after its `start_timeout`, not after all retries of the SDK."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL, dev_server_log_level="error"
    ) as environment:
        analytics = AnalyticsClient(environment.client, start_timeout=SHORT)

    # The SDK by itself would go on for ten seconds.
    async with asyncio.timeout(5):
        with pytest.raises(NotAccepted) as refused:
            await analytics.track(user_id="u-1", event="E", message_id="gone")

    assert str(refused.value) == (
        "Temporal may not have stored the message (Temporal did not respond in time); "
        "call again with message_id='gone'; it then starts at most once"
    )


async def test_a_start_that_is_refused(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """The server's reason is told, and nothing is delivered."""
    config = temporal.config()
    config["namespace"] = "nowhere"
    analytics = AnalyticsClient(Client(**config), task_queue=running_worker.task_queue)

    with pytest.raises(NotAccepted, match="NOT_FOUND: Namespace nowhere is not found"):
        await analytics.track(user_id="u-1", event="E")

    assert standin.requests == []


def test_importing_the_client_loads_no_http_library() -> None:
    """A service that only starts deliveries pays for none."""
    code = "import sys, durable_analytics; print(*{m.split('.')[0] for m in sys.modules})"

    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    names = set(loaded.stdout.split())
    assert "durable_analytics" in names
    assert names & HTTP_LIBRARIES == set()
