"""Credentials of every kind are found nowhere but in the requests that need them."""

import base64
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.testing import VENDORS, StandIn, Vendor
from gateway.settings import Settings as GatewaySettings
from tests.support.codec_server_process import codec_server
from tests.support.embedded_server import server
from tests.support.free_ports import free_port, free_ports
from tests.support.gateway_process import gateway_process
from tests.support.local_run import CHILDREN, local, local_ports
from tests.support.scraped import scrape
from tests.support.trace_collector import collector
from tests.support.visible import until_visible
from tests.worker.processes import Running, worker_process
from worker import Settings, load
from worker.local_children import Child

pytestmark = pytest.mark.slow

HASH_KEY = f"planted-hash-{secrets.token_hex(12)}"
WRITE_KEYS = {name: f"planted-write-{name}-{secrets.token_hex(12)}" for name in VENDORS}
TOKEN = f"planted-token-{secrets.token_hex(12)}"
ENCRYPTION_KEY = new_key("k1")


def planted(value: str) -> str:
    """A credential that nothing else equals, of the same form."""
    if value.startswith("whsec_"):
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return f"planted-{secrets.token_hex(12)}"


PLANTED: dict[str, Vendor] = {
    name: replace(
        vendor, credentials={key: planted(value) for key, value in vendor.credentials.items()}
    )
    for name, vendor in VENDORS.items()
}


def everything() -> set[str]:
    """All planted credentials."""
    of_vendors = {value for vendor in PLANTED.values() for value in vendor.credentials.values()}
    return of_vendors | {*WRITE_KEYS.values()} | {HASH_KEY, TOKEN, ENCRYPTION_KEY.split(":")[1]}


def found(*texts: bytes) -> set[str]:
    """The planted credentials in texts: as they are, in base64 at each offset, and quoted."""
    return {
        secret for secret in everything() if any(s in t for t in texts for s in written(secret))
    }


def written(secret: str) -> Iterator[bytes]:
    """The forms in which a credential may stand in a file."""
    raw = secret.removeprefix("whsec_").encode()
    yield raw
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw + b"\0\0\0")
        yield encoded[4 : len(encoded) - 8]


@asynccontextmanager
async def planted_standin() -> AsyncIterator[StandIn]:
    """A stand-in whose vendors accept the planted credentials alone."""
    async with StandIn(PLANTED) as running:
        yield running


async def deliver_everywhere(standin: StandIn, gateway: str) -> None:
    """A message to each vendor that is accepted, and some whose responses repeat credentials."""
    for name, write_key in WRITE_KEYS.items():
        echo = {"body": {"echo": [*PLANTED[name].credentials.values()]}}
        failures = [{"status": status, **echo} for status in (500, 401, 400, 200)]
        async with httpx.AsyncClient(base_url=gateway, auth=(write_key, "")) as http:
            for answer in (None, *failures):
                if answer:
                    standin.script(name, answer)
                for path in ("/v1/track", "/v1/identify"):  # not each vendor has both
                    message = {"userId": "u-1", "event": "Hi", "messageId": secrets.token_hex(8)}
                    if path == "/v1/identify":
                        del message["event"]
                    response = await http.post(path, json=message)
                    assert response.status_code == 200
    async with httpx.AsyncClient(base_url=gateway, auth=(TOKEN, "")) as http:
        assert (await http.post("/v1/track", json={"userId": "u-1"})).status_code == 401


def of_process(pid: int | None, file: str) -> bytes:
    """What the system shows of a process: its `environ`, or its `cmdline`, as `ps` shows it."""
    return Path(f"/proc/{pid}/{file}").read_bytes()


def commands_of(*runs: Running) -> bytes:
    """The arguments of processes."""
    return b"".join(of_process(run.process.pid, "cmdline") for run in runs)


async def outcomes(client: Client) -> list[str]:
    """What callers get of all executions: histories, and the errors of those that failed."""
    texts = []
    async for execution in client.list_workflows():
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        texts.append((await handle.fetch_history()).to_json())
        if execution.status is WorkflowExecutionStatus.FAILED:
            with pytest.raises(WorkflowFailureError) as raised:
                await handle.result()
            cause = raised.value.cause
            assert isinstance(cause, ApplicationError)
            texts.append(f"error: {raised.value!r} {cause!r} {cause.details}")
    return texts


async def metrics_of(*addresses: str) -> str:
    """What Prometheus gets."""
    return "\n".join([str(await scrape(one)) for one in addresses])


async def test_planted_credentials_are_found_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in the database, histories, errors, logs, metrics, traces or arguments of processes."""
    port = free_port()
    worker_metrics, gateway_metrics = (f"127.0.0.1:{one}" for one in free_ports(2))
    (tmp_path / "data").mkdir()
    sources = {
        f"ANALYTICS_SOURCES__{name.upper()}__WRITE_KEY": key for name, key in WRITE_KEYS.items()
    }
    common = {"ANALYTICS_USER_HASH_KEYS": HASH_KEY, "ANALYTICS_LOG_LEVEL": "DEBUG"}
    async with AsyncExitStack() as stack:
        traces = await stack.enter_async_context(collector())
        standin = await stack.enter_async_context(planted_standin())
        client = await stack.enter_async_context(server(port, tmp_path / "data" / "temporal.db"))
        common |= traces.variables
        options = {**common, "ANALYTICS_METRICS_ADDRESS": worker_metrics}
        worker = await stack.enter_async_context(
            worker_process(client, standin, "analytics", **options)
        )
        options = {**common, **sources, "ANALYTICS_GATEWAY__METRICS_ADDRESS": gateway_metrics}
        gateway = await stack.enter_async_context(
            gateway_process(f"127.0.0.1:{port}", settings=options)
        )
        codec = await stack.enter_async_context(
            codec_server(ENCRYPTION_KEY, ANALYTICS_CODEC_SERVER__TOKENS=TOKEN)
        )
        await deliver_everywhere(standin, gateway.url)
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        wrong = {"Authorization": f"Bearer {TOKEN}x"}
        refused = await http.post(f"{codec}/decode", json={}, headers=wrong)
        commands = commands_of(worker, gateway.run)
        await settled(client)
        texts = "\n".join(await outcomes(client))
        metrics = await metrics_of(worker_metrics, gateway_metrics)
        await traces.until("POST", len(VENDORS))
        rows = str(standin.requests).encode()
    logs = "\n".join([*worker.lines, *gateway.run.lines]).encode()
    stored = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())

    assert refused.status_code == 403
    assert len({row["integration"] for row in standin.requests}) == len(VENDORS)
    assert b"delivered" in logs
    assert b"attempt failed" in logs
    assert b"[credential]" in stored
    assert "error: " in texts
    assert "analytics_attempts_total" in metrics
    assert "analytics_gateway_requests_total" in metrics
    assert found(stored) == set()
    assert found(logs) == set()
    assert found(texts.encode()) == set()
    assert found(metrics.encode()) == set()
    assert found(traces.raw) == set()
    assert found(commands, rows, refused.content, capfd.readouterr().err.encode()) == set()


async def settled(client: Client) -> None:
    """Wait until at least one execution of each integration has closed."""
    closed = "CloseTime IS NOT NULL"
    await until_visible(client, closed, 2 * len(VENDORS))


def test_settings_show_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    """In no text that Python makes of them."""
    for name, vendor in PLANTED.items():
        for key, value in vendor.integration_settings("https://provider.test").items():
            monkeypatch.setenv(f"ANALYTICS_INTEGRATIONS__{name.upper()}__{key.upper()}", value)
        monkeypatch.setenv(f"ANALYTICS_SOURCES__{name.upper()}__WRITE_KEY", WRITE_KEYS[name])
    monkeypatch.setenv("ANALYTICS_USER_HASH_KEYS", HASH_KEY)
    monkeypatch.setenv("ANALYTICS_ENCRYPTION_KEYS", ENCRYPTION_KEY)

    loaded: list[Settings | GatewaySettings] = [load(), GatewaySettings.load()]
    texts = [f"{one!r} {one} {one.model_dump()} {one.model_dump_json()}" for one in loaded]

    assert found(*(text.encode() for text in texts)) == set()


async def test_make_run_gives_each_process_only_its_credentials(tmp_path: Path) -> None:
    """And keeps what is stored for its user alone."""
    secret = PLANTED["segment"].credentials["write_key"]
    environment = {
        **local_ports(),
        "ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY": secret,
        "ANALYTICS_INTEGRATIONS__SEGMENT__BASE_URL": "http://127.0.0.1:1",
        "ANALYTICS_SOURCES__SHOP__WRITE_KEY": WRITE_KEYS["segment"],
        "ANALYTICS_SOURCES__SHOP__INTEGRATIONS": "segment",
        "ANALYTICS_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        # The embedded server would not start with it.
        "OTEL_TRACES_EXPORTER": "console",
    }
    folder = tmp_path / ".temporal"
    folder.mkdir(mode=0o755)
    (folder / "temporal.log").touch(mode=0o644)

    async with local(tmp_path, environment) as run:
        await run.line("Ctrl-C stops")
        pids = {name: Child(name, folder).leftover_pid() for name in CHILDREN}
        variables = {name: found(of_process(pid, "environ")) for name, pid in pids.items()}
        commands = {name: found(of_process(pid, "cmdline")) for name, pid in pids.items()}
        modes = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
        mode = folder.stat().st_mode & 0o777
        run.process.terminate()
        await run.ended()

    key = ENCRYPTION_KEY.split(":")[1]
    assert variables == {
        "temporal": set(),
        "standin": set(),
        "worker": {secret, key},
        "gateway": {WRITE_KEYS["segment"], key},
    }
    assert commands == {name: set() for name in CHILDREN}
    assert mode == 0o700
    assert modes["temporal.db"] == 0o600
    assert {name: bits for name, bits in modes.items() if bits & 0o077} == {}
    assert found("\n".join(run.lines).encode()) == set()
