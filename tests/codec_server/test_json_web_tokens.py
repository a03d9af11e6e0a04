"""JSON Web Tokens, as the Temporal UI passes them on: which are accepted, and for what."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from codec_server.app import create_app
from codec_server.settings import Settings
from tests.support.json_objects import Json

OURS = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
ISSUER = "https://login.example.com/"


@pytest.fixture
def public_key(tmp_path: Path) -> Path:
    """A PEM file with the public key of `OURS`."""
    file = tmp_path / "key.pem"
    file.write_bytes(pem(OURS))
    return file


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """The public key in PEM."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def token(key: Any = OURS, algorithm: str = "RS256", **changes: object) -> str:
    """A token that is valid, except for these claims; None leaves one out."""
    claims: Json = {"aud": "codec", "iss": ISSUER, "exp": time.time() + 60, **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm, headers={"kid": "one"})


async def status(settings: Json, sent: str, namespace: str = "default") -> int:
    """The status of a request with a token."""
    own = {"jwt": {"audience": "codec", "issuer": ISSUER, **settings}}
    transport = httpx.ASGITransport(create_app(Settings(codec_server=own)))
    async with httpx.AsyncClient(transport=transport, base_url="http://codec") as client:
        headers = httpx.Headers(
            {"Authorization": f"Bearer {sent}", "X-Namespace": namespace}, encoding="utf-8"
        )
        return (await client.post("/decode", json={}, headers=headers)).status_code


async def test_a_valid_token_is_accepted(public_key: Path) -> None:
    assert await status({"public_key": str(public_key)}, token()) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"key": OTHER},
        {"aud": "another-program"},
        {"aud": None},
        {"iss": "https://evil.test/"},
        {"exp": 1},
        {"exp": None},
        {"nbf": 99_999_999_999},
        {"key": "a-shared-secret-that-is-long-enough", "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
        {"key": ec.generate_private_key(ec.SECP256R1()), "algorithm": "ES256"},
    ],
)
async def test_other_tokens_are_refused(public_key: Path, changes: Json) -> None:
    """Of another signer, for another program, expired, without an end, or not signed."""
    assert await status({"public_key": str(public_key)}, token(**changes)) == 403


async def test_text_that_is_no_token_is_refused(public_key: Path) -> None:
    for text in ("x", "a.b.c", "…"):
        assert await status({"public_key": str(public_key)}, text) == 403


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        (["default:read"], 200),
        (["default:admin"], 200),
        (["temporal-system:read"], 200),
        (["other:read"], 403),
        (["default:worker"], 403),
        ([":read"], 403),
        ([], 403),
        (None, 403),
        ("default:read", 403),
    ],
)
async def test_permissions_are_those_of_temporal(
    public_key: Path, permissions: object, expected: int
) -> None:
    """Who may read a namespace in Temporal may decode it."""
    settings = {"public_key": str(public_key), "permissions_claim": "permissions"}

    assert await status(settings, token(permissions=permissions)) == expected


async def test_without_a_namespace_a_permission_for_it_cannot_hold(public_key: Path) -> None:
    settings = {"public_key": str(public_key), "permissions_claim": "permissions"}

    assert await status(settings, token(permissions=["default:read", ":read"]), "") == 403


@pytest.fixture
async def provider() -> AsyncIterator[str]:
    """An identity provider that publishes the key of `OURS`; yields the address of its keys."""
    key = {**jwt.algorithms.RSAAlgorithm.to_jwk(OURS.public_key(), as_dict=True), "kid": "one"}

    async def keys(_: web.Request) -> web.Response:
        return web.json_response({"keys": [key]})

    app = web.Application()
    app.router.add_get("/jwks.json", keys)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/jwks.json"
    await runner.cleanup()


async def test_keys_of_an_identity_provider(provider: str) -> None:
    """As OpenID Connect publishes them."""
    assert await status({"jwks_url": provider}, token()) == 200
    assert await status({"jwks_url": provider}, token(key=OTHER)) == 403


async def test_an_identity_provider_out_of_reach_is_not_the_callers_fault() -> None:
    """503, so that nobody looks for a mistake in the token."""
    assert await status({"jwks_url": "http://127.0.0.1:1/jwks.json"}, token()) == 503
