"""Programs that use a buffering client, run to their end in processes of their own."""

import signal
import socket

from temporalio.client import Client

from tests.worker.processes import clean_environment, running

CLEAN_EXITS = {0, -signal.SIGABRT, -signal.SIGSEGV}
"""With a connection that is the program's own, the SDK may crash the interpreter's exit (its issue
300)."""


async def run_client_program(
    module: str, name: str, temporal: Client | None
) -> tuple[int, list[str]]:
    """Run a program; returns its status and the lines that it wrote.

    Args:
        module: The module that runs its programs by name.
        name: The program.
        temporal: The server that the program connects to; None for an address without a server.
    """
    if temporal is None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{unused.getsockname()[1]}"
    else:
        address = temporal.service_client.config.target_host
    environment = clean_environment(TEMPORAL_ADDRESS=address)
    # Newer Pythons warn of any fork beside threads.
    command = ("-W", "ignore::DeprecationWarning", "-m", module, name)
    async with running(*command, environment=environment) as process:
        return await process.ended(), process.lines
