"""A request of the worker's HTTP client, and a provider behind TLS that answers it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import trustme

from activities.http import HttpClient, Received
from tests.found.providers import RawProvider, answering

MINUTE = timedelta(minutes=1)


async def send(client: HttpClient, url: str, **options: Any) -> Received:
    """Post a small body."""
    given = {"deadline": MINUTE, "body_limit": 1000, "query": None, **options}
    return await client.send("POST", url, headers={"X-A": "1"}, content=b"{}", **given)


@contextlib.asynccontextmanager
async def tls_provider(authority: trustme.CA, response: bytes) -> AsyncIterator[RawProvider]:
    """A provider behind TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    provider = RawProvider(answering(response))
    server = await asyncio.start_server(provider.handle, "127.0.0.1", 0, ssl=context)
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        server.close()
