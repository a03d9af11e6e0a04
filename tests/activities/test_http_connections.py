"""Whatever ends a request, its connection is closed or reusable, and its place is free again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from activities.http import HttpClient, connections
from durable_analytics.errors import Internal, Unavailable
from tests.found.providers import (
    OK,
    answering,
    closing_after,
    raw_provider,
    read_request,
)
from tests.support.http_connections import MINUTE, send, tls_provider

SECOND = timedelta(seconds=1)


def made(**options: Any) -> HttpClient:
    """A client of its own settings."""
    return HttpClient.of_settings(
        **{"proxy": None, "ca_bundle": None, "max_in_flight": 100, **options}
    )


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    """A client, closed after the test."""
    client = made()
    yield client
    await client.aclose()


def state(client: HttpClient) -> tuple[int, int, int]:
    """Requests under way, connections that carry one, connections that are kept."""
    assert client.connections
    return client.in_flight, client.connections.busy, client.connections.idle


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of its own."""
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> Path:
    """Its certificate."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


async def test_a_connection_is_used_again(client: HttpClient) -> None:
    """One after the other, requests take the same."""
    async with raw_provider(answering(OK)) as provider:
        for _ in range(5):
            await send(client, f"http://127.0.0.1:{provider.port}/")

        assert state(client) == (0, 0, 1)
        assert (provider.open, provider.most_open) == (1, 1)


async def test_idle_connections_are_closed(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, though no other request comes."""
    monkeypatch.setattr(connections, "KEEP_ALIVE_SECONDS", 0.05)
    async with raw_provider(answering(OK)) as provider:
        await send(client, f"http://127.0.0.1:{provider.port}/")
        await provider.wait_until(lambda: provider.open == 0)

    assert state(client) == (0, 0, 0)


async def test_a_connection_that_the_provider_closed_is_not_used(client: HttpClient) -> None:
    """The next request opens another."""
    async with raw_provider(closing_after(OK)) as provider:
        for _ in range(3):
            response = await send(client, f"http://127.0.0.1:{provider.port}/")
            assert response.status_code == 200
            await provider.wait_until(lambda: provider.open == 0)

    assert len(provider.bodies) == 3


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000,
        b"HTTP/1.0 200 OK\r\n\r\nall of it",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK,
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["cut", "without an end", "204", "after 100", "to nowhere"],
)
async def test_any_response_leaves_no_connection_half_used(
    client: HttpClient, response: bytes
) -> None:
    """It is given back, or closed."""
    async with raw_provider(closing_after(response)) as provider:
        await send(client, f"http://127.0.0.1:{provider.port}/")
        await provider.wait_until(lambda: provider.open == 0)

    assert state(client)[:2] == (0, 0)


async def test_a_protocol_that_nobody_asked_for(client: HttpClient) -> None:
    """It is no answer, and the connection is closed."""
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    async with raw_provider(answering(switching)) as provider:
        with pytest.raises(
            Unavailable, match=r"^127\.0\.0\.1 sent a response that is not valid HTTP$"
        ):
            await send(client, f"http://127.0.0.1:{provider.port}/")
        await provider.wait_until(lambda: provider.open == 0)

    assert state(client) == (0, 0, 0)


@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_a_cancellation_at_any_step_leaves_nothing(
    authority: trustme.CA, bundle: Path, is_encrypted: bool
) -> None:
    """Cancelled once or twice, before, in and after each step of a request."""
    serving = tls_provider(authority, OK) if is_encrypted else raw_provider(answering(OK))
    client = made(ca_bundle=bundle, max_in_flight=3)
    finished = 0
    async with serving as provider:
        url = f"http{'s' * is_encrypted}://127.0.0.1:{provider.port}/"
        for steps in range(120):
            request = asyncio.create_task(send(client, url))
            for _ in range(steps // 2):
                await asyncio.sleep(0)
            request.cancel()
            if steps % 2:
                await asyncio.sleep(0)
                request.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await request
                finished += 1
            assert state(client)[:2] == (0, 0)
        await send(client, url)
        await provider.wait_until(lambda: provider.open == client.connections.idle)  # type: ignore[union-attr]
        await client.aclose()
        await provider.wait_until(lambda: provider.open == 0)

    assert 0 < finished < 120


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Wait for the other side to go away."""
    await reader.read()
    raise ConnectionResetError


async def test_a_handshake_that_never_ends(client: HttpClient) -> None:
    """The deadline ends it, says so, and closes the socket."""
    ended = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        ended.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable) as failed:
            await send(client, f"https://127.0.0.1:{port}/", deadline=SECOND / 5)
        async with asyncio.timeout(10):
            await ended.wait()

    assert failed.value.message == "the TLS handshake with 127.0.0.1 did not finish within 0.2 s"
    assert state(client) == (0, 0, 0)


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "the proxy refused to connect to provider.invalid: it responded with 407",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\n|this is no TLS",
            "the TLS handshake with provider.invalid failed: it does not use TLS",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\n",
            "the TLS handshake with provider.invalid did not finish within 0.3 s",
        ),
        (b"nonsense\r\n\r\n", "the proxy 127.0.0.1 sent a response that is not valid HTTP"),
    ],
    ids=["refuses", "no TLS", "hangs", "no HTTP"],
)
async def test_a_tunnel_that_fails(response: bytes, message: str) -> None:
    """Its connection to the proxy is closed, again and again."""
    ended = asyncio.Semaphore(0)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        head, _, after = response.partition(b"|")
        writer.write(head)
        with contextlib.suppress(ConnectionError):
            if after:
                await reader.read(1)
                writer.write(after)
            await reader.read()
        writer.close()
        ended.release()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        client = made(proxy=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for _ in range(3):
            with pytest.raises(Unavailable) as failed:
                await send(client, "https://provider.invalid/", deadline=SECOND * 0.3)
            async with asyncio.timeout(10):
                await ended.acquire()

            assert failed.value.message == message
            assert state(client) == (0, 0, 0)
        await client.aclose()


async def failure_at(client: HttpClient, url: str, deadline: timedelta) -> Unavailable:
    """Why there is no response, or no end of its body, at the deadline."""
    try:
        received = await send(client, url, deadline=deadline)
    except Unavailable as error:
        return error
    assert received.failure
    return received.failure


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n", "127.0.0.1 did not respond within 0.4 s"),
        (b"X-A: b\r\n", "127.0.0.1 did not respond within 0.4 s"),
        (b"1\r\nx\r\n", "127.0.0.1 did not finish its response within 0.4 s"),
    ],
    ids=["interim responses", "headers", "body"],
)
async def test_a_trickle_ends_at_the_deadline(
    client: HttpClient, part: bytes, message: str
) -> None:
    """However steadily something comes."""

    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if part.startswith(b"X"):
            writer.write(b"HTTP/1.1 200 OK\r\n")
        elif part.startswith(b"1"):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)

    async with raw_provider(respond) as provider:
        url = f"http://127.0.0.1:{provider.port}/"
        failure = await failure_at(client, url, timedelta(seconds=0.4))
        await provider.wait_until(lambda: provider.open == 0)

    assert failure.message == message
    assert state(client) == (0, 0, 0)


async def test_no_more_than_max_in_flight(client: HttpClient) -> None:
    """Further requests wait; whoever waits too long is told so, and nobody's place is lost."""
    client = made(max_in_flight=2)
    async with raw_provider(silent) as provider:
        url = f"http://127.0.0.1:{provider.port}/"
        first = [asyncio.create_task(send(client, url)) for _ in range(2)]
        await provider.wait_until(lambda: len(provider.bodies) == 2)
        with pytest.raises(Unavailable) as failed:
            await send(client, url, deadline=SECOND / 10)
        waiting = [asyncio.create_task(send(client, url)) for _ in range(5)]
        await asyncio.sleep(0)
        for task in waiting[:3]:
            task.cancel()
        for task in first:
            task.cancel()
        await provider.wait_until(lambda: len(provider.bodies) == 4)
        assert state(client)[:2] == (2, 2)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*first, *waiting, return_exceptions=True)

    assert failed.value.message == (
        "the request could not start within 0.1 s: 2 requests (max_in_flight) were running"
    )
    assert state(client) == (0, 0, 0)
    await client.aclose()


async def test_waiting_can_have_a_time_of_its_own() -> None:
    """The time spent waiting for a place is not the request's own."""
    client = made(max_in_flight=1)
    release = asyncio.Event()

    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(OK)

    async with raw_provider(respond) as provider:
        url = f"http://127.0.0.1:{provider.port}/"
        first = asyncio.create_task(send(client, url))
        await provider.wait_until(lambda: len(provider.bodies) == 1)
        second = asyncio.create_task(send(client, url, within=MINUTE, deadline=SECOND))
        asyncio.get_running_loop().call_later(1.2, release.set)

        assert [(await task).status_code for task in (first, second)] == [200, 200]
        await client.aclose()


async def test_a_single_request_passes_many_that_wait_for_a_turn() -> None:
    """It waits for those in flight, and not for all of a batch."""
    client = made(max_in_flight=2)
    release, order = asyncio.Event(), list[str]()

    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(OK)

    async with raw_provider(respond) as provider:
        url = f"http://127.0.0.1:{provider.port}/"

        async def one_of_many() -> None:
            async with client.turn(MINUTE):
                await send(client, url, within=MINUTE)
            order.append("many")

        async def single() -> None:
            await send(client, url)
            order.append("single")

        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(one_of_many())
            await provider.wait_until(lambda: len(provider.bodies) == 2)
            group.create_task(single())
            await asyncio.sleep(0)
            release.set()
        await client.aclose()

    assert order.index("single") <= 4
    assert len(order) == 21


async def test_a_turn_that_does_not_come_in_time() -> None:
    """The reason says so, and the turn is not lost."""
    client = made(max_in_flight=1)
    async with client.turn(SECOND):
        with pytest.raises(Unavailable) as failed:
            async with client.turn(SECOND / 10):
                pass
    async with client.turn(SECOND / 10):
        pass

    assert failed.value.message == (
        "the request could not start within 0.1 s: 1 requests (max_in_flight) were running"
    )


async def test_as_many_connections_are_kept_as_were_in_flight(client: HttpClient) -> None:
    """A burst of responses closes none of them."""
    async with raw_provider(answering(OK)) as provider:
        url = f"http://127.0.0.1:{provider.port}/"
        for _ in range(3):
            await asyncio.gather(*(send(client, url) for _ in range(50)))

        assert provider.most_open <= 50
        assert state(client) == (0, 0, provider.open)


async def test_a_connection_is_kept_for_its_own_origin(client: HttpClient) -> None:
    """An integration may send to several hosts."""
    async with raw_provider(answering(OK)) as one, raw_provider(answering(OK)) as other:
        for _ in range(3):
            for provider in (one, other):
                await send(client, f"http://127.0.0.1:{provider.port}/")

        assert (len(one.bodies), len(other.bodies)) == (3, 3)
        assert (one.most_open, other.most_open) == (1, 1)


async def test_a_url_that_is_not_http(client: HttpClient) -> None:
    """It is not sent."""
    with pytest.raises(Internal, match="UnsupportedProtocol"):
        await send(client, "ftp://127.0.0.1/")

    assert state(client) == (0, 0, 0)
