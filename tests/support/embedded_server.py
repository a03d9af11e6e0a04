"""An embedded Temporal server that is killed at its end."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client

from durable_analytics.temporal.connection import connect
from runtime.child_process import ChildProcess
from runtime.embedded_server import server_options
from tests.support.programs import TEMPORAL


@asynccontextmanager
async def server(port: int, file: Path) -> AsyncIterator[Client]:
    """An embedded server with its file, killed at the end as by a power cut."""
    command = [
        *(TEMPORAL, "server", "start-dev", "--headless", "--log-level", "never"),
        *("--ip", "127.0.0.1", "--port", str(port), "--db-filename", str(file)),
        *server_options(),
    ]
    process = await ChildProcess.start(command, os.environ, output=file.with_suffix(".log"))
    try:
        yield await connect(timedelta(seconds=60), target_host=f"127.0.0.1:{port}")
    finally:
        await process.kill()
