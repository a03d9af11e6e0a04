"""Requests go through the integration's proxy, and trust its authorities."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for, settings_with
from tests.worker.deliveries import outcome, own_worker, start
from worker import Settings

ONE_ATTEMPT = {"request": {"retry_policy": {"maximum_attempts": 1}}}


@asynccontextmanager
async def serving(
    answer: bytes, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on loopback that answers every request alike; its port, and the requests' heads."""
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


def answered(status: str, body: bytes = b'{"success": true}') -> bytes:
    """A whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of its own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """The TLS of a server on loopback that this authority vouches for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def deliver(client: Client, settings: Settings, integration: str = "segment") -> Json:
    """Deliver one message; returns the output."""
    async with own_worker(client, settings):
        handle = await start(
            client, settings.task_queue, integration=integration, policies=ONE_ATTEMPT
        )
        return await outcome(handle)


async def test_a_plain_request_goes_through_the_proxy(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """In absolute form, with the proxy's credentials, and by no name lookup of our own."""
    async with serving(answered("200 OK", b'{"by": "the proxy"}')) as (port, heads):
        settings = settings_with(
            standin,
            task_queue,
            base_url="http://provider.invalid",
            allow_http=True,
            proxy=f"http://name:password@127.0.0.1:{port}",
        )
        output = await deliver(temporal, settings)

    (head,) = heads
    assert head.startswith(b"POST http://provider.invalid/v1/track HTTP/1.1\r\n")
    credentials = base64.b64encode(b"name:password")
    assert b"proxy-authorization: basic " + credentials.lower() in head.lower()
    assert output["response"]["body"] == {"by": "the proxy"}


async def test_an_encrypted_request_goes_through_the_proxy(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """As a tunnel; a proxy that refuses it is a failure that tells no credential."""
    async with serving(answered("407 Proxy Authentication Required")) as (port, heads):
        settings = settings_with(
            standin,
            task_queue,
            base_url="https://provider.invalid",
            proxy=f"http://name:password@127.0.0.1:{port}",
        )
        output = await deliver(temporal, settings)

    (head,) = heads
    assert head.startswith(b"CONNECT provider.invalid:443 HTTP/1.1\r\n")
    assert output["error"]["type"] == "Unavailable"
    assert output["error"]["message"] == (
        "the proxy refused to connect to provider.invalid: it responded with 407"
    )


async def test_only_that_integration_uses_the_proxy(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Another one is reached directly."""
    async with serving(answered("502 Bad Gateway")) as (port, heads):
        settings = settings_with(standin, task_queue, proxy=f"http://127.0.0.1:{port}")
        output = await deliver(temporal, settings, "journy")

    assert heads == []
    assert output["status"] == "success"


async def test_the_environment_names_no_proxy(
    temporal: Client, standin: StandIn, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the settings say where requests go."""
    async with serving(answered("502 Bad Gateway")) as (port, heads):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{port}")
        output = await deliver(temporal, settings_for(standin, task_queue=task_queue))

    assert heads == []
    assert output["status"] == "success"


async def test_an_authority_of_one_s_own(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    authority: trustme.CA,
    server_context: ssl.SSLContext,
    tmp_path: Path,
) -> None:
    """A provider that it signed for is trusted."""
    bundle = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(bundle)
    async with serving(answered("200 OK"), server_context) as (port, heads):
        settings = settings_with(
            standin, task_queue, base_url=f"https://127.0.0.1:{port}", ca_bundle=bundle
        )
        output = await deliver(temporal, settings)

    assert output["status"] == "success"
    assert len(heads) == 1


async def test_an_unknown_authority(
    temporal: Client, standin: StandIn, task_queue: str, server_context: ssl.SSLContext
) -> None:
    """Without the setting the same provider is not trusted, and gets no message."""
    async with serving(answered("200 OK"), server_context) as (port, heads):
        settings = settings_with(standin, task_queue, base_url=f"https://127.0.0.1:{port}")
        output = await deliver(temporal, settings)

    assert output["error"]["type"] == "Unavailable"
    assert heads == []
