"""`python -m gateway` does not start with wrong settings, and says why."""

import socket
from pathlib import Path

from tests.support.free_ports import free_port
from tests.support.gateway_process import sources
from tests.worker.processes import clean_environment, running


async def test_port_in_use_is_reported() -> None:
    """One line names the setting; the exit status is 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = clean_environment(**sources(), ANALYTICS_GATEWAY__PORT=str(port))
        async with running("-m", "gateway", environment=environment) as gateway:
            status = await gateway.ended()

    assert status == 2
    (line,) = gateway.lines
    assert line.startswith(f"gateway.host, gateway.port: cannot listen on 127.0.0.1:{port}: ")
    assert line.endswith("; set another address or port")


async def test_foreign_host_is_reported() -> None:
    """One line names the setting; the exit status is 2."""
    environment = clean_environment(
        **sources(), ANALYTICS_GATEWAY__HOST="192.0.2.1", ANALYTICS_GATEWAY__PORT=str(free_port())
    )

    async with running("-m", "gateway", environment=environment) as gateway:
        status = await gateway.ended()

    assert (status, len(gateway.lines)) == (2, 1)
    assert gateway.lines[0].startswith("gateway.host, gateway.port: cannot listen on 192.0.2.1:")


async def test_invalid_settings_are_all_reported(tmp_path: Path) -> None:
    """One line for each problem, without secrets or traceback; the exit status is 2."""
    environment = clean_environment(
        ANALYTICS_SOURCES__SHOP__WRITE_KEY="sk very secret",
        ANALYTICS_GATEWAY__PORT="0",
        ANALYTICS_LOG_LEVEL="LOUD",
    )

    async with running("-m", "gateway", environment=environment, cwd=tmp_path) as gateway:
        status = await gateway.ended()

    assert status == 2
    assert sorted(line.partition(":")[0] for line in gateway.lines) == [
        "gateway.port",
        "log_level",
        "sources.shop.write_key",
    ]
    assert "secret" not in "\n".join(gateway.lines)
