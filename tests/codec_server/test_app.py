"""Temporal's remote codec protocol: what is decoded and encoded, for whom, and for which pages."""

import base64
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from temporalio.api.common.v1 import Payload, Payloads

from codec_server.app import create_app
from codec_server.settings import Settings
from durable_analytics.temporal.codecs import data_converter
from durable_analytics.temporal.encryption import ENCODING
from durable_analytics.temporal.encryption_keys import new_key
from tests.support.codec_server_process import TOKEN
from tests.support.json_objects import Json

K1, K2 = new_key("k1"), new_key("k2")
ORIGIN = "https://temporal.example.com"
VALUE: Json = {"email": "jane@example.org", "text": "abc " * 500}
ALLOWED = {"Authorization": f"Bearer {TOKEN}", "X-Namespace": "default"}


def client(**changes: object) -> httpx.AsyncClient:
    """A client of an application with these settings."""
    own = {"tokens": [TOKEN], "cors_origins": [ORIGIN], **changes}
    settings = Settings(encryption_keys=[K2, K1], codec_server=own)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(settings)), base_url="http://codec"
    )


@pytest.fixture
async def codec() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that accepts `TOKEN`."""
    async with client() as opened:
        yield opened


def as_json(payloads: list[Payload]) -> Json:
    """Payloads as the UI sends them."""
    message: Json = MessageToDict(Payloads(payloads=payloads))
    return message


def of_json(response: httpx.Response) -> list[Payload]:
    """The payloads of a response."""
    return list(ParseDict(response.json(), Payloads()).payloads)


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("keys", [[K1], [K2], []])
async def test_decodes_compression_and_encryption(
    codec: httpx.AsyncClient, compress: bool, keys: list[str]
) -> None:
    """With each key of the settings; what is clear stays as it is."""
    written = await data_converter(compress=compress, encryption_keys=keys).encode([VALUE, None])

    response = await codec.post("/decode", json=as_json(written), headers=ALLOWED)

    assert response.status_code == 200
    decoded = of_json(response)
    assert [payload.metadata["encoding"] for payload in decoded] == [b"json/plain", b"binary/null"]
    assert json.loads(decoded[0].data) == VALUE


async def test_encodes_with_the_first_key(codec: httpx.AsyncClient) -> None:
    """So that the UI can start executions and send signals."""
    clear = await data_converter(compress=False).encode([VALUE])

    response = await codec.post("/encode", json=as_json(clear), headers=ALLOWED)

    encoded = of_json(response)
    assert encoded[0].metadata["encoding"] == ENCODING
    reader = data_converter(compress=False, encryption_keys=[K2])
    assert await reader.decode(encoded) == [VALUE]


async def test_an_unknown_key_leaves_its_payload_and_decodes_the_others(
    codec: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the key that is missing."""
    other = await data_converter(compress=False, encryption_keys=[new_key("k3")]).encode([VALUE])
    known = await data_converter(compress=False, encryption_keys=[K1]).encode([VALUE])

    response = await codec.post("/decode", json=as_json([*other, *known]), headers=ALLOWED)

    left, decoded = of_json(response)
    assert left == other[0]
    assert json.loads(decoded.data) == VALUE
    assert caplog.records[-1].__dict__["keys"] == ["k3"]


@pytest.mark.parametrize("path", ["/decode", "/encode"])
@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer wrong", 403),
        (f"Bearer {TOKEN[:-1]}", 403),
        (f"Bearer {TOKEN}x", 403),
        ("Bearer ü", 403),
    ],
)
async def test_others_get_nothing(
    codec: httpx.AsyncClient, path: str, header: str | None, status: int
) -> None:
    """An error without a payload, whatever the body is."""
    written = await data_converter(compress=False, encryption_keys=[K1]).encode([VALUE])
    headers = {} if header is None else {"Authorization": header.encode()}

    response = await codec.post(path, json=as_json(written), headers=headers)  # type: ignore[arg-type]

    assert response.status_code == status
    assert [*response.json()] == ["message"]


async def test_only_the_namespaces_of_the_settings() -> None:
    async with client(namespaces=["default"]) as codec:
        other = {**ALLOWED, "X-Namespace": "other"}

        assert (await codec.post("/decode", json={}, headers=ALLOWED)).status_code == 200
        assert (await codec.post("/decode", json={}, headers=other)).status_code == 403


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"payloads": 1}', b'{"other": []}', b"\xff", b"[" * 100_000]
)
async def test_a_wrong_body_is_an_error(codec: httpx.AsyncClient, body: bytes) -> None:
    response = await codec.post("/decode", content=body, headers=ALLOWED)

    assert response.status_code == 400
    assert "payloads" in response.json()["message"]


async def test_a_body_has_a_limit(codec: httpx.AsyncClient) -> None:
    response = await codec.post("/decode", content=b" " * (33 * 1024 * 1024), headers=ALLOWED)

    assert response.status_code == 413


async def test_payloads_have_a_limit(codec: httpx.AsyncClient) -> None:
    """Millions of empty payloads fit into a small body, and would keep the process busy."""
    for count, status in ((10_000, 200), (10_001, 413)):
        body: Json = {"payloads": [{}] * count}
        assert (await codec.post("/decode", json=body, headers=ALLOWED)).status_code == status


async def test_a_payload_that_unpacks_to_too_much_is_left(codec: httpx.AsyncClient) -> None:
    """As for a worker."""
    bomb = Payload(metadata={"encoding": b"json/plain"}, data=b'"' + b"0" * (30 * 1024 * 1024))
    import zstandard  # noqa: PLC0415

    packed = Payload(
        metadata={"encoding": b"binary/zstd"}, data=zstandard.compress(bomb.SerializeToString())
    )

    response = await codec.post("/decode", json=as_json([packed]), headers=ALLOWED)

    assert of_json(response) == [packed]


@pytest.mark.parametrize(("origin", "is_allowed"), [(ORIGIN, True), ("https://evil.test", False)])
async def test_only_the_pages_of_the_ui_may_ask(
    codec: httpx.AsyncClient, origin: str, is_allowed: bool
) -> None:
    """Browsers ask first, and read a response only if its header allows it."""
    asked = await codec.options(
        "/decode",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-namespace",
        },
    )
    answered = await codec.post("/decode", json={}, headers={**ALLOWED, "Origin": origin})

    assert (asked.status_code == 200) == is_allowed
    allowed = [answer.headers.get("access-control-allow-origin") for answer in (asked, answered)]
    assert allowed == ([origin] * 2 if is_allowed else [None] * 2)


async def test_health_needs_no_token(codec: httpx.AsyncClient) -> None:
    assert (await codec.get("/health")).status_code == 200


def test_a_token_is_no_part_of_what_is_shown() -> None:
    settings = Settings(encryption_keys=[K1], codec_server={"tokens": [TOKEN]})

    shown = f"{settings!r} {settings}"

    assert TOKEN not in shown
    assert base64.b64decode(K1.split(":")[1]) not in shown.encode()
    assert K1.split(":")[1] not in shown
