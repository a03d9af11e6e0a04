"""`make run` on the machine of somebody who uses Temporal Cloud."""

import asyncio
import json
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.local_run import local, local_ports
from tests.support.programs import TEMPORAL
from tests.worker.processes import clean_environment

pytestmark = pytest.mark.slow

CLOUD = """
[profile.default]
address = "shop.a1b2c.tmprl.cloud:7233"
namespace = "shop.a1b2c"
api_key = "key-7f3a-of-the-profile"
"""

SET: Mapping[str, Mapping[str, str]] = {
    "an API key": {"TEMPORAL_API_KEY": "key-7f3a"},
    "TLS and a namespace": {
        "TEMPORAL_TLS": "true",
        "TEMPORAL_TLS_CLIENT_CERT_PATH": "/nowhere.pem",
        "TEMPORAL_TLS_CLIENT_KEY_PATH": "/nowhere.key",
        "TEMPORAL_NAMESPACE": "shop.a1b2c",
        "TEMPORAL_GRPC_META_X_KEY": "meta-7f3a",
    },
    "a profile": {"TEMPORAL_PROFILE": "cloud"},
    "a default profile": {},
}


@pytest.fixture
def ports() -> dict[str, str]:
    """Where a run listens."""
    return local_ports()


@pytest.mark.parametrize("values", SET.values(), ids=SET)
async def test_the_embedded_server_is_reached(
    tmp_path: Path, ports: Mapping[str, str], values: Mapping[str, str]
) -> None:
    """A line says what is not used, and the printed command delivers in the same shell."""
    folder = tmp_path / "config" / "temporalio"
    folder.mkdir(parents=True)
    if not values:
        (folder / "temporal.toml").write_text(CLOUD)
    shell = {**values, "XDG_CONFIG_HOME": str(tmp_path / "config")}

    async with local(tmp_path, {**ports, **shell}) as run:
        await run.line("Ctrl-C stops all processes")
        output = "\n".join(run.lines)
        command = output[output.index(".venv/bin/temporal") :].partition("\n\n")[0]
        _, *arguments = shlex.split(command.replace("\\\n", ""))
        process = await asyncio.create_subprocess_exec(
            *(TEMPORAL, *arguments, "--output", "json"),
            env=clean_environment(**shell),
            stdout=asyncio.subprocess.PIPE,
        )
        written, _ = await process.communicate()

    assert json.loads(written)["result"]["status"] == "success"
    (line,) = [line for line in run.lines if line.startswith("Not used: ")]
    names = sorted(values) or ["the profile of temporal.toml"]
    assert all(name in line for name in names)
    assert "7f3a" not in output


async def test_nothing_is_said_where_nothing_is_set(
    tmp_path: Path, ports: Mapping[str, str]
) -> None:
    """As on a fresh machine."""
    async with local(tmp_path, {**ports, "XDG_CONFIG_HOME": str(tmp_path)}) as run:
        await run.line("Ctrl-C stops all processes")

    assert not [line for line in run.lines if "Not used" in line]
    assert not [line for line in run.lines if "--disable-config" in line]
