"""Runs the codec server as a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.free_ports import free_port
from tests.worker.processes import clean_environment, running

TOKEN = "a-token-of-the-tests-0123456789"


@asynccontextmanager
async def codec_server(keys: str, *, port: int | None = None, **more: str) -> AsyncIterator[str]:
    """Run `python -m codec_server`; yields its address.

    Args:
        keys: The encryption keys, with commas.
        port: The port to listen on; None picks a free one.
        more: Further environment variables.
    """
    port = port or free_port()
    settings = {
        "ANALYTICS_ENCRYPTION_KEYS": keys,
        "ANALYTICS_CODEC_SERVER__PORT": str(port),
        "ANALYTICS_CODEC_SERVER__TOKENS": TOKEN,
    }
    environment = clean_environment(**{**settings, **more})
    async with running("-m", "codec_server", environment=environment) as process:
        await process.line("codec server started")
        yield f"http://127.0.0.1:{port}"
