"""What a server sends after a response is never taken for the answer to the next request."""

from pathlib import Path

import pytest
import trustme

from activities.http import HttpClient
from tests.found.providers import OK, answering, raw_provider
from tests.support.http_connections import send, tls_provider

STALE = b"HTTP/1.1 500 Stale\r\nContent-Length: 0\r\n\r\n"


def padded(size: int) -> bytes:
    """A response of so many bytes in all."""
    body = bytes(size - len(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n"))
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize("is_encrypted", [False, True])
@pytest.mark.parametrize(
    "response",
    [
        OK + STALE,
        OK + b"\r\n",
        OK + b"rubbish",
        padded(4096) + STALE,  # as much as is read at once
        padded(5000) + STALE * 200,
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + b'{"success":true}',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + STALE,
    ],
    ids=["response", "line", "rubbish", "full", "much", "204", "length", "chunked"],
)
async def test_what_follows_a_response_is_forgotten(
    tmp_path: Path, response: bytes, is_encrypted: bool
) -> None:
    """The connection is closed, and the next request opens another."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    serving = (
        tls_provider(authority, response) if is_encrypted else raw_provider(answering(response))
    )
    client = HttpClient.of_settings(proxy=None, ca_bundle=tmp_path / "ca.pem", max_in_flight=1)
    async with serving as provider:
        url = f"http{'s' * is_encrypted}://127.0.0.1:{provider.port}/"
        answered = [(await send(client, url)).status_code for _ in range(4)]
        await provider.wait_until(lambda: provider.open == 0)
        await client.aclose()

    assert answered in ([200] * 4, [204] * 4)
    assert client.connections
    assert (client.connections.busy, client.connections.idle) == (0, 0)
