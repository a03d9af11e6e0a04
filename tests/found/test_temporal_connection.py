"""A wrong setting of the connection to Temporal: the reason at once, and never its value."""

import os
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from temporalio.client import Client

from durable_analytics import AnalyticsClient, NotAccepted, SettingsError
from durable_analytics.temporal.connection import connect
from durable_analytics.testing import StandIn
from tests.support.temporal_servers import grpc_server, tls_server
from tests.worker.processes import running, worker_environment

pytestmark = pytest.mark.slow

LONG = timedelta(seconds=20)
"""Nothing here may wait for it."""

SECRET = "pass-7f3a-word"
NOBODY = "127.0.0.1:1"
_FUTURE = datetime(2100, 1, 1, tzinfo=UTC)

AUTHORITY = trustme.CA()
PAIR = AUTHORITY.issue_cert("client")
CERT, KEY = PAIR.cert_chain_pems[0].bytes().decode(), PAIR.private_key_pem.bytes().decode()
OTHER_KEY = AUTHORITY.issue_cert("other").private_key_pem.bytes().decode()

WRONG: Mapping[str, tuple[Mapping[str, str], str]] = {
    "a URL": ({"TEMPORAL_ADDRESS": f"http://user:{SECRET}@{NOBODY}"}, "TEMPORAL_ADDRESS"),
    "a URL without a user": ({"TEMPORAL_ADDRESS": f"https://{NOBODY}"}, "TEMPORAL_ADDRESS"),
    "a user": ({"TEMPORAL_ADDRESS": f"user:{SECRET}@{NOBODY}"}, "TEMPORAL_ADDRESS"),
    "no port": ({"TEMPORAL_ADDRESS": "localhost"}, "TEMPORAL_ADDRESS"),
    "an empty port": ({"TEMPORAL_ADDRESS": "localhost:"}, "TEMPORAL_ADDRESS"),
    "a large port": ({"TEMPORAL_ADDRESS": "localhost:72330"}, "TEMPORAL_ADDRESS"),
    "port 0": ({"TEMPORAL_ADDRESS": "localhost:0"}, "TEMPORAL_ADDRESS"),
    "a named port": ({"TEMPORAL_ADDRESS": "localhost:grpc"}, "TEMPORAL_ADDRESS"),
    "spaces": ({"TEMPORAL_ADDRESS": "not an address:7233"}, "TEMPORAL_ADDRESS"),
    "a line end": ({"TEMPORAL_ADDRESS": f"{NOBODY}\n"}, "TEMPORAL_ADDRESS"),
    "a path": ({"TEMPORAL_ADDRESS": f"{NOBODY}/{SECRET}"}, "TEMPORAL_ADDRESS"),
    "a query": ({"TEMPORAL_ADDRESS": f"{NOBODY}?key={SECRET}"}, "TEMPORAL_ADDRESS"),
    **{
        f"an address like {address[:20]}": ({"TEMPORAL_ADDRESS": address}, "TEMPORAL_ADDRESS")
        for address in (
            *("127.0.0.1:\N{ARABIC-INDIC DIGIT SEVEN}233", "b\u00fccher.example:7233", "a..b:7233"),
            *("<host>:7233", "${HOST}:7233", "localhost;x:7233", "[:::::]:7233", "[1.2.3.4]:7233"),
            *("\ufefflocalhost:7233", f"{'a.' * 200}com:7233", f"{'a' * 64}.com:7233"),
        )
    },
    "IPv6 without brackets": ({"TEMPORAL_ADDRESS": "::1:7233"}, "TEMPORAL_ADDRESS"),
    "a key with a line end": ({"TEMPORAL_API_KEY": f"{SECRET}\n"}, "TEMPORAL_API_KEY"),
    "a key with a space": ({"TEMPORAL_API_KEY": f"Bearer {SECRET}"}, "TEMPORAL_API_KEY"),
    "a key in another script": ({"TEMPORAL_API_KEY": f"ü{SECRET}"}, "TEMPORAL_API_KEY"),
    "a namespace with a line end": ({"TEMPORAL_NAMESPACE": "shop\n"}, "TEMPORAL_NAMESPACE"),
    "a header": (
        {"TEMPORAL_GRPC_META_X_KEY": f"{SECRET}\n"},
        "TEMPORAL_GRPC_META_X_KEY",
    ),
    "a header of gRPC's": ({"TEMPORAL_GRPC_META_GRPC_TIMEOUT": SECRET}, "TEMPORAL_GRPC_META_…"),
    "the host": ({"TEMPORAL_GRPC_META_HOST": SECRET}, "TEMPORAL_GRPC_META_…"),
    "the content's type": ({"TEMPORAL_GRPC_META_CONTENT_TYPE": "x"}, "TEMPORAL_GRPC_META_…"),
    "a configuration folder": ({"TEMPORAL_CONFIG_FILE": "/dev"}, "TEMPORAL_CONFIG_FILE"),
    "a file without an end": (
        {"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/dev/zero"},
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    ),
    "TLS maybe": ({"TEMPORAL_TLS": "maybe"}, "TEMPORAL_TLS"),
    "no configuration file": ({"TEMPORAL_CONFIG_FILE": "/nowhere.toml"}, "TEMPORAL_CONFIG_FILE"),
    "a certificate that is none": (
        {"TEMPORAL_TLS_CLIENT_CERT_DATA": SECRET, "TEMPORAL_TLS_CLIENT_KEY_DATA": KEY},
        "TEMPORAL_TLS_CLIENT_CERT_PATH",
    ),
    "a key that is none": (
        {"TEMPORAL_TLS_CLIENT_CERT_DATA": CERT, "TEMPORAL_TLS_CLIENT_KEY_DATA": SECRET},
        "TEMPORAL_TLS_CLIENT_KEY_PATH",
    ),
    "a key that was cut": (
        {"TEMPORAL_TLS_CLIENT_CERT_DATA": CERT, "TEMPORAL_TLS_CLIENT_KEY_DATA": KEY[:100]},
        "TEMPORAL_TLS_CLIENT_KEY_PATH",
    ),
    "another certificate's key": (
        {"TEMPORAL_TLS_CLIENT_CERT_DATA": CERT, "TEMPORAL_TLS_CLIENT_KEY_DATA": OTHER_KEY},
        "TEMPORAL_TLS_CLIENT_KEY_PATH",
    ),
    "a certificate without its key": (
        {"TEMPORAL_TLS_CLIENT_CERT_DATA": CERT},
        "TEMPORAL_TLS_CLIENT_KEY_PATH",
    ),
    "a key without its certificate": (
        {"TEMPORAL_TLS_CLIENT_KEY_DATA": KEY},
        "TEMPORAL_TLS_CLIENT_CERT_PATH",
    ),
    "no such file": (
        {
            "TEMPORAL_TLS_CLIENT_CERT_PATH": "/nowhere.pem",
            "TEMPORAL_TLS_CLIENT_KEY_DATA": KEY,
        },
        "TEMPORAL_TLS_CLIENT_CERT_PATH",
    ),
    "a folder": ({"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/dev"}, "TEMPORAL_TLS_SERVER_CA_CERT_PATH"),
    "an authority that is none": (
        {"TEMPORAL_TLS_SERVER_CA_CERT_DATA": SECRET},
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    ),
    "a server name that is none": (
        {"TEMPORAL_TLS_SERVER_NAME": "two words"},
        "TEMPORAL_TLS_SERVER_NAME",
    ),
}
"""What is set, and the variable that the line begins with."""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the machine's own settings are."""
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def set_all(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str]) -> None:
    """Set these variables."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(("values", "begins"), WRONG.values(), ids=WRONG)
async def test_a_wrong_setting(
    values: Mapping[str, str],
    begins: str,
    lazy: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is told without a server, in one line that names the variable and shows no value."""
    caplog.set_level("DEBUG")
    set_all(monkeypatch, {"TEMPORAL_ADDRESS": NOBODY, **values})

    with pytest.raises(SettingsError) as wrong:
        await connect(LONG, lazy=lazy)

    (line,) = wrong.value.problems
    assert line.startswith((f"{begins}: ", f"{begins} ("))
    assert "\n" not in line
    assert SECRET not in f"{line} {caplog.text} {wrong.value.__cause__!r}"


@pytest.mark.parametrize(
    "address", ["localhost:1", "127.0.0.1:1", "[::1]:1", "temporal_frontend.shop.svc.:7233"]
)
async def test_an_address_that_is_well(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server there is waited for."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)

    with pytest.raises(NotAccepted, match="no Temporal server responds at"):
        await connect(timedelta(milliseconds=100))
    await connect(lazy=True)


async def test_what_is_empty_is_not_set(temporal: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a variable of docker-compose is, whose value nobody gave."""
    names = ("API_KEY", "TLS", "NAMESPACE", "PROFILE", "TLS_SERVER_CA_CERT_DATA", "CONFIG_FILE")
    set_all(monkeypatch, {f"TEMPORAL_{name}": "" for name in names})
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.service_client.config.target_host)

    assert (await connect()).namespace == "default"


@pytest.mark.parametrize("text", [f'api_key = "{SECRET}"x"', "api_key = 73", "[profile"])
async def test_a_profile_that_does_not_parse(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place is told, and nothing of what stands there."""
    file = tmp_path / "temporal.toml"
    file.write_text(f"[profile.default]\n{text}\n")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))

    with pytest.raises(SettingsError) as wrong:
        await connect(LONG)

    assert str(wrong.value).startswith("the connection to Temporal: TOML parse error at line 2")
    assert SECRET not in str(wrong.value)
    assert "\n" not in str(wrong.value)


async def test_a_profile_s_own_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the key of the profile, where no variable is set."""
    file = tmp_path / "temporal.toml"
    file.write_text(f'[profile.default]\naddress = "http://user:{SECRET}@{NOBODY}"\n')
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))

    with pytest.raises(SettingsError, match=r"^TEMPORAL_ADDRESS \(address in a profile\): must"):
        await connect(LONG)


def server_context(
    name: str = "localhost", *, expired: bool = False, authority: trustme.CA = AUTHORITY
) -> ssl.SSLContext:
    """A server's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    until = datetime(2021, 1, 1, tzinfo=UTC) if expired else _FUTURE
    since = datetime(2020, 1, 1, tzinfo=UTC)
    authority.issue_cert(name, not_before=since, not_after=until).configure_cert(context)
    return context


def asking_for_a_certificate() -> ssl.SSLContext:
    """A server that knows its clients."""
    context = server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.configure_trust(context)
    return context


TLS_SERVERS = {
    "not trusted": (server_context(authority=trustme.CA()), "TEMPORAL_TLS_SERVER_CA_CERT_PATH"),
    "another name": (server_context("elsewhere.example"), "TEMPORAL_TLS_SERVER_NAME"),
    "expired": (server_context(expired=True), "TEMPORAL_ADDRESS"),
    "asks for a certificate": (asking_for_a_certificate(), "TEMPORAL_TLS_CLIENT_CERT_PATH"),
}


@pytest.mark.parametrize(("context", "begins"), TLS_SERVERS.values(), ids=TLS_SERVERS)
async def test_a_tls_server(
    context: ssl.SSLContext, begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No waiting mends a certificate."""
    authority = AUTHORITY.cert_pem.bytes().decode()
    with tls_server(context) as address:
        set_all(
            monkeypatch,
            {"TEMPORAL_ADDRESS": address, "TEMPORAL_TLS_SERVER_CA_CERT_DATA": authority},
        )
        with pytest.raises(SettingsError, match=f"^{begins}"):
            await connect(LONG)


async def test_a_tls_server_of_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """It speaks no HTTP/2."""
    authority = AUTHORITY.cert_pem.bytes().decode()
    with tls_server(server_context(), "http/1.1") as address:
        set_all(
            monkeypatch,
            {"TEMPORAL_ADDRESS": address, "TEMPORAL_TLS_SERVER_CA_CERT_DATA": authority},
        )
        with pytest.raises(
            SettingsError, match=r"^TEMPORAL_ADDRESS: there is no Temporal server at"
        ):
            await connect(LONG)


async def test_tls_to_a_server_without(temporal: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API key alone asks for TLS."""
    address = temporal.service_client.config.target_host
    set_all(monkeypatch, {"TEMPORAL_ADDRESS": address, "TEMPORAL_API_KEY": SECRET})

    with pytest.raises(SettingsError, match=r"^TEMPORAL_ADDRESS: .* does not use TLS"):
        await connect(LONG)


async def test_a_server_with_tls_and_a_client_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be another cause, so that it is tried again; the reason says what to look at."""
    with tls_server(server_context()) as address:
        monkeypatch.setenv("TEMPORAL_ADDRESS", address)
        with pytest.raises(NotAccepted, match="TEMPORAL_TLS=true"):
            await connect(timedelta(milliseconds=500))


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("status", [7, 16], ids=["PERMISSION_DENIED", "UNAUTHENTICATED"])
async def test_credentials_that_the_server_refuses(
    status: int,
    lazy: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At once, and without the key."""
    async with grpc_server(status) as address:
        set_all(
            monkeypatch,
            {
                "TEMPORAL_ADDRESS": address,
                "TEMPORAL_API_KEY": SECRET,
                "TEMPORAL_TLS": "false",
            },
        )
        with pytest.raises(
            SettingsError, match=r"^TEMPORAL_API_KEY: .* requires valid credentials"
        ) as wrong:
            await connect(LONG, lazy=lazy)

    assert SECRET not in str(wrong.value)


async def test_a_server_that_is_only_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again, and a lazy connection is made without it."""
    async with grpc_server(14) as address:
        monkeypatch.setenv("TEMPORAL_ADDRESS", address)
        with pytest.raises(NotAccepted):
            await connect(timedelta(milliseconds=500))
        await connect(lazy=True)


PROGRAMS = {
    "worker": (("-m", "worker"), 2),
    "gateway": (("-m", "gateway"), 2),
    "make run": (("-m", "worker.local"), 2),
    "health": (("-m", "worker.health"), 1),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TEMPORAL_ADDRESS", f"http://user:{SECRET}@{NOBODY}"),
        ("TEMPORAL_API_KEY", f"{SECRET}\n"),
    ],
)
@pytest.mark.parametrize("program", PROGRAMS)
async def test_every_program(
    temporal: Client, standin: StandIn, tmp_path: Path, program: str, name: str, value: str
) -> None:
    """It ends at once with the reason, without a traceback and without a secret."""
    command, expected = PROGRAMS[program]
    environment = worker_environment(temporal, standin, "analytics", **{name: value})
    environment["ANALYTICS_SOURCES__SEGMENT__WRITE_KEY"] = "segment"

    async with running(*command, environment=environment, cwd=tmp_path) as run:
        status = await run.ended(30)

    output = "\n".join(run.lines)
    assert status == expected
    assert f"{name}: " in output
    assert SECRET not in output
    assert "Traceback" not in output


async def test_a_namespace_that_does_not_exist(temporal: Client, standin: StandIn) -> None:
    """The worker ends, and says which setting is wrong."""
    environment = worker_environment(temporal, standin, "analytics", TEMPORAL_NAMESPACE="nope")

    async with running("-m", "worker", environment=environment) as run:
        status = await run.ended(60)

    assert status == 2
    (line,) = [line for line in run.lines if "worker failed" in line]
    assert "TEMPORAL_NAMESPACE: the server at" in line
    assert "has no such namespace" in line


async def test_the_client_of_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the processes do."""
    monkeypatch.setenv("TEMPORAL_API_KEY", f"{SECRET}\n")

    with pytest.raises(SettingsError, match=r"^TEMPORAL_API_KEY: contains a character"):
        await AnalyticsClient.connect()
