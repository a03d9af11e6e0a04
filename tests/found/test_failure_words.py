"""Each way not to reach a provider is named, in words that say where to look."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
import trustme

from activities.http import HttpClient
from activities.http.failures import HTTP_ERRORS, failure_of
from activities.http_send import send
from durable_analytics.errors import DeliveryError, Internal, Rejected, Unavailable
from durable_analytics.providers import HttpRequest, HttpResponse
from tests.found.providers import raw_provider
from tests.providers.building import ACCOUNTS
from tests.support.free_ports import free_port


async def failure(url: str, **options: Any) -> DeliveryError:
    """What sending there fails with."""
    settings = {"proxy": None, "ca_bundle": None, "max_in_flight": 1, **options}
    client = HttpClient.of_settings(**settings)
    try:
        with pytest.raises(DeliveryError) as failed:
            await send(
                client,
                ACCOUNTS["segment"],
                HttpRequest("POST", url, {}),
                delivery_id="m-1",
                deadline=timedelta(seconds=3),
            )
    finally:
        await client.aclose()
    return failed.value


async def test_no_such_name() -> None:
    error = await failure("https://provider.invalid/v1")

    assert (type(error), error.message) == (
        Unavailable,
        "the name of provider.invalid could not be resolved (DNS)",
    )


async def test_a_refused_connection() -> None:
    error = await failure(f"http://127.0.0.1:{free_port()}/")

    assert (type(error), error.message) == (Unavailable, "127.0.0.1 refused the connection")


async def test_a_proxy_that_is_not_there() -> None:
    """The proxy is named, not the provider; neither are its credentials."""
    proxy = f"http://user:geheim@localhost:{free_port()}"
    error = await failure("https://provider.invalid/", proxy=proxy)

    assert error.message == "the proxy localhost refused the connection"


async def test_a_proxy_without_a_name() -> None:
    error = await failure("http://provider.example/", proxy="http://user:geheim@proxy.invalid:1")

    assert error.message == "the name of the proxy proxy.invalid could not be resolved (DNS)"


@asynccontextmanager
async def tls_server(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A server whose handshakes fail."""

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def context_of(leaf: trustme.LeafCert) -> ssl.SSLContext:
    """A server's TLS with this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    leaf.configure_cert(context)
    return context


def self_signed(authority: trustme.CA, folder: Path) -> ssl.SSLContext:
    """A certificate that vouches for itself."""
    path = folder / "self-signed.pem"
    path.write_bytes(authority.private_key_pem.bytes() + authority.cert_pem.bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


def expired(authority: trustme.CA, _: Path) -> ssl.SSLContext:
    """A certificate of yesterday."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return context_of(authority.issue_cert("127.0.0.1", not_after=yesterday))


def of_another_address(authority: trustme.CA, _: Path) -> ssl.SSLContext:
    """A certificate for another address."""
    return context_of(authority.issue_cert("127.0.0.2"))


def of_another_name(authority: trustme.CA, _: Path) -> ssl.SSLContext:
    """A certificate for another host."""
    return context_of(authority.issue_cert("other.example"))


def unknown(_: trustme.CA, __: Path) -> ssl.SSLContext:
    """A certificate of another authority."""
    return context_of(trustme.CA().issue_cert("127.0.0.1"))


@pytest.mark.parametrize(
    ("make", "host", "fault"),
    [
        (self_signed, "127.0.0.1", "it is self-signed"),
        (expired, "127.0.0.1", "it has expired"),
        (of_another_address, "127.0.0.1", "it was issued for another IP address"),
        (of_another_name, "localhost", "it was issued for another host name"),
        (
            unknown,
            "127.0.0.1",
            "its certificate authority is unknown; set ca_bundle for a private one",
        ),
    ],
)
async def test_a_certificate_that_is_not_accepted(
    tmp_path: Path, make: Callable[[trustme.CA, Path], ssl.SSLContext], host: str, fault: str
) -> None:
    authority = trustme.CA()
    bundle = tmp_path / "authority.pem"
    (trustme.CA() if make is self_signed else authority).cert_pem.write_to_path(bundle)
    async with tls_server(make(authority, tmp_path)) as port:
        error = await failure(f"https://{host}:{port}/", ca_bundle=bundle)

    assert isinstance(error, Unavailable)
    assert error.message == f"the TLS certificate of {host} is not accepted: {fault}"


async def breaks_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close without an answer."""
    writer.close()


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def stops_in_the_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close before all of the body came."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
    await writer.drain()
    writer.close()


async def speaks_another_protocol(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet like a mail server."""
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("respond", "message"),
    [
        (breaks_off, "127.0.0.1 closed the connection without a response"),
        (resets, "127.0.0.1 reset the connection"),
        (stops_in_the_body, "127.0.0.1 closed the connection before the end of its response"),
        (speaks_another_protocol, "127.0.0.1 sent a response that is not valid HTTP"),
    ],
)
async def test_an_answer_that_breaks(respond: Any, message: str) -> None:
    async with raw_provider(respond) as provider:
        error = await failure(f"http://127.0.0.1:{provider.port}/")

    assert (type(error), error.message) == (Unavailable, message)


async def test_a_port_without_tls() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        error = await failure(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    assert error.message == "the TLS handshake with 127.0.0.1 failed: it does not use TLS"


def exceptions_of(module: Any) -> set[type[Exception]]:
    """All that a library exports."""
    things = [getattr(module, name) for name in module.__all__]
    return {one for one in things if isinstance(one, type) and issubclass(one, Exception)}


def test_no_exception_of_the_http_library_is_unmapped() -> None:
    """Each stands in the table by itself, those of newer versions too."""
    assert exceptions_of(httpx) | exceptions_of(httpcore) == set(HTTP_ERRORS)
    for kind, (error, _) in HTTP_ERRORS.items():
        instance = kind.__new__(kind)
        Exception.__init__(instance, "geheim")
        mapped = failure_of(instance, "provider.example")
        assert type(mapped) is error
        assert "geheim" not in str(mapped)


@pytest.mark.parametrize(
    "error", [OSError("x"), ssl.SSLError("x"), TimeoutError(), httpx.ReadError("x")]
)
def test_what_escapes_the_library_is_unavailable(error: Exception) -> None:
    """It is no bug of ours."""
    assert isinstance(failure_of(error, "provider.example"), Unavailable)


def test_a_bug_stays_one() -> None:
    assert failure_of(KeyError("x"), "provider.example") is None
    assert isinstance(failure_of(httpx.InvalidURL("x"), "provider.example"), Internal)


@pytest.mark.parametrize(
    ("scheme", "response", "message"),
    [
        (
            "http",
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "the proxy refused to connect to provider.invalid: it responded with 407",
        ),
        ("http", b"", "the proxy 127.0.0.1 did not respond within 0.3 s"),
        ("https", b"", "the proxy 127.0.0.1 did not respond within 0.3 s"),
    ],
)
async def test_a_proxy_that_is_at_fault(scheme: str, response: bytes, message: str) -> None:
    """It is named, without TLS too, and what it refuses is tried again."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await reader.read()

    async with raw_provider(respond) as proxy:
        client = HttpClient.of_settings(
            proxy=f"http://127.0.0.1:{proxy.port}", ca_bundle=None, max_in_flight=1
        )
        with pytest.raises(Unavailable) as failed:
            await client.send(
                "POST",
                f"{scheme}://provider.invalid/",
                headers={},
                query=None,
                content=b"{}",
                body_limit=1000,
                deadline=timedelta(seconds=0.3),
            )
        await client.aclose()

    assert failed.value.message == message


async def test_a_407_of_the_provider_is_a_response() -> None:
    """Without a proxy, nobody else can have sent it."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
            b"Connection: close\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    async with raw_provider(respond) as provider:
        client = HttpClient.of_settings(proxy=None, ca_bundle=None, max_in_flight=1)
        received = await client.send(
            "POST",
            f"http://127.0.0.1:{provider.port}/",
            headers={},
            query=None,
            content=b"{}",
            body_limit=1_000,
            deadline=timedelta(seconds=3),
        )
        await client.aclose()

    assert received.status_code == 407
    assert type(ACCOUNTS["segment"].classify(HttpResponse(407))) is Rejected
