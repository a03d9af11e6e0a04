"""Where an integration may send: over TLS, and a webhook to public addresses."""

import ipaddress
import socket
from typing import Any

import httpcore
import pytest
from temporalio.client import Client

from activities.http.addresses import PrivateAddressError, public_addresses
from activities.http.sockets import Sockets
from durable_analytics import SettingsError
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_worker, start
from worker import Settings, load

SEGMENT = "ANALYTICS_INTEGRATIONS__SEGMENT__"
HOOK = "ANALYTICS_INTEGRATIONS__WEBHOOK__"
SECRET = "whsec_c3RhbmQtaW4ncyBzZWNyZXQgb2YgYSB3ZWJob29r"
ONE_ATTEMPT: Json = {"request": {"retry_policy": {"maximum_attempts": 1}}}


@pytest.mark.parametrize(
    ("variables", "setting"),
    [
        ({f"{SEGMENT}BASE_URL": "http://api.example.com"}, "integrations.segment.base_url"),
        ({f"{SEGMENT}BASE_URL": "HTTP://10.0.0.7:80"}, "integrations.segment.base_url"),
        ({f"{SEGMENT}BASE_URL": "http://localhost.example.com"}, "integrations.segment.base_url"),
        (
            {f"{SEGMENT}PUBLIC_API_URL": "http://api.example.com"},
            "integrations.segment.public_api_url",
        ),
        (
            {f"{HOOK}URL": "http://hooks.example.com/x", f"{HOOK}SECRETS": SECRET},
            "integrations.webhook.url",
        ),
    ],
)
def test_a_url_without_tls_is_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], setting: str
) -> None:
    """One line that names the setting, and the setting that allows it."""
    for name, value in {f"{SEGMENT}WRITE_KEY": "a-key", **variables}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as raised:
        load()

    (problem,) = raised.value.problems
    assert problem.startswith(f'{setting}: must begin with "https://"')
    assert "allow_http" in problem
    assert problem.endswith(f"ANALYTICS_{setting.replace('.', '__').upper()}")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8090/segment", "http://localhost:1", "http://[::1]:1", "https://a.b"]
)
def test_loopback_and_tls_are_allowed(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", "a-key")
    monkeypatch.setenv(f"{SEGMENT}BASE_URL", url)

    assert load().integrations["segment"].provider.base_url == url


def test_a_setting_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", "a-key")
    monkeypatch.setenv(f"{SEGMENT}BASE_URL", "http://mesh.internal")
    monkeypatch.setenv(f"{SEGMENT}ALLOW_HTTP", "true")

    assert load().integrations["segment"].allow_http


def hook(standin: StandIn, task_queue: str, **changes: object) -> Settings:
    """A webhook at the stand-in, whose host is a name that resolves to this machine."""
    port = standin.base_url("webhook").rpartition(":")[2]
    settings: Json = {
        "url": f"http://receiver.test:{port}",
        "secrets": SECRET,
        "allow_http": True,
        "allow_policies_override": True,
        **changes,
    }
    return settings_for(
        standin,
        task_queue=task_queue,
        integrations={"webhook": settings},
        default_integration="webhook",
    )


def resolve_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Let the names that end in .test have this address."""
    original = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        is_ours = str(host if isinstance(host, str) else (host or b"").decode()).endswith(".test")
        return original(address if is_ours else host, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


async def delivered(client: Client, settings: Settings) -> Json:
    """Deliver one message; returns the output."""
    async with own_worker(client, settings):
        handle = await start(
            client, settings.task_queue, integration="webhook", policies=ONE_ATTEMPT
        )
        return await outcome(handle)


async def test_a_webhook_at_a_private_address_is_refused(
    temporal: Client, standin: StandIn, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent, and the failure says what to set."""
    resolve_to(monkeypatch, "127.0.0.1")

    output = await delivered(temporal, hook(standin, task_queue))

    assert output["error"]["type"] == "Unavailable"
    assert "receiver.test has a private address" in output["error"]["message"]
    assert "allow_private_addresses" in output["error"]["message"]
    assert standin.requests == []


async def test_a_setting_allows_private_addresses(
    temporal: Client, standin: StandIn, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "127.0.0.1")

    output = await delivered(temporal, hook(standin, task_queue, allow_private_addresses=True))

    assert output["status"] == "success"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1"),  # noqa: S104
        *("64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "2002:a00:1::1", "::127.0.0.1", "fec0::1"),
        *("192.0.0.192", "64:ff9b::192.0.0.192"),
    ],
)
async def test_addresses_that_are_not_public(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Of this machine, of private networks, link-local ones (clouds keep credentials there).

    Also those of version 6 that are translated to such an address of version 4.
    """
    resolve_to(monkeypatch, address)

    with pytest.raises(PrivateAddressError):
        await public_addresses("receiver.test", 443)


@pytest.mark.parametrize("address", ["198.41.0.4", "2001:503:ba3e::2:30", "64:ff9b::198.41.0.4"])
async def test_addresses_that_are_public(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """The connection goes to the address that was checked."""
    resolve_to(monkeypatch, address)

    (resolved,) = await public_addresses("receiver.test", 443)

    assert ipaddress.ip_address(resolved) == ipaddress.ip_address(address)


@pytest.mark.parametrize("failure", [httpcore.ConnectError, httpcore.ConnectTimeout])
async def test_each_public_address_is_tried(
    monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    """Both IP versions first, private addresses never; what the last one raises is reported."""
    addresses = ["2001:503:ba3e::2:30", "2001:500:2f::f", "10.0.0.1", "198.41.0.4", "192.5.5.241"]
    tried: list[str] = []

    def resolve(*_: Any, **__: Any) -> Any:
        families = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in addresses]
        return [
            (family, 1, 6, "", (one, 443)) for family, one in zip(families, addresses, strict=True)
        ]

    async def connect(_: Any, host: str, *__: Any) -> httpcore.AsyncNetworkStream:
        tried.append(host)
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)

    with pytest.raises(failure):
        await Sockets(only_public=True).connect_tcp("receiver.test", 443)

    assert tried == [addresses[0], addresses[3], addresses[1], addresses[4]]


async def test_the_first_address_that_answers_is_used(
    monkeypatch: pytest.MonkeyPatch, standin: StandIn
) -> None:
    """A receiver is reached whose first address does not answer."""
    port = int(standin.base_url("webhook").rpartition(":")[2].partition("/")[0])
    monkeypatch.setattr(
        "activities.http.sockets.public_addresses", returning(["::1", "127.0.0.1", "::1"])
    )

    stream = await Sockets(only_public=True).connect_tcp("receiver.test", port)

    assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
    await stream.aclose()


def returning(addresses: list[str]) -> Any:
    """A resolver that always returns these."""

    async def resolve(*_: Any) -> list[str]:
        return addresses

    return resolve
