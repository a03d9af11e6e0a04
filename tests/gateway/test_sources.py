"""Sources are found by write key, in constant time."""

import base64
import hmac
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from gateway.errors import RequestError
from gateway.settings import SourceSettings
from gateway.sources import Sources, key_from_headers

KEYS = {"shop": "shop-key", "app": "app-key", "web": "web-key"}


@pytest.fixture
def sources() -> Sources:
    """Three sources."""
    return Sources({name: SourceSettings(write_key=SecretStr(key)) for name, key in KEYS.items()})


def basic(text: str | bytes) -> str:
    """Return the value of a Basic header."""
    raw = text.encode() if isinstance(text, str) else text
    return f"Basic {base64.b64encode(raw).decode()}"


@pytest.mark.parametrize(("name", "key"), KEYS.items())
def test_known_key_finds_its_source(sources: Sources, name: str, key: str) -> None:
    """For each source."""
    assert sources.find(key).name == name


@pytest.mark.parametrize(
    "key",
    [None, "", " ", "shop", "shop-key ", "Shop-Key", "shop-keyy", "\ud800", 1, True, {}, ["x"]],
)
def test_unknown_key_gets_401(sources: Sources, key: Any) -> None:
    """Of whatever JSON type; browsers do not ask their users for a password."""
    with pytest.raises(RequestError) as refused:
        sources.find(key)

    assert refused.value.status == 401
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}
    assert str(key) not in KEYS.values()


def test_every_key_is_compared_in_constant_time(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The duration must not reveal which key matches."""
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def remember(known: bytes, candidate: bytes) -> bool:
        compared.append((known, candidate))
        return compare(known, candidate)

    monkeypatch.setattr(hmac, "compare_digest", remember)
    for key in ("shop-key", "app-key"):
        compared.clear()
        sources.find(key)
        assert compared == [(known.encode(), key.encode()) for known in KEYS.values()]


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (basic("shop-key:"), "shop-key"),
        (basic("shop-key:password:more"), "shop-key"),
        (basic("shop-key"), "shop-key"),
        (basic("schlüssel:"), "schlüssel"),
        ("bAsIc " + basic("shop-key:")[6:], "shop-key"),
        ("Bearer shop-key", "shop-key"),
        ("BEARER   shop-key ", "shop-key"),
        (basic(":shop-key"), None),
        (basic(""), None),
        ("Basic", None),
        ("Bearer", None),
        ("Bearer  ", None),
        ("", None),
        ("Digest x", None),
        ("shop-key", None),
    ],
)
def test_key_is_read_from_basic_or_bearer(header: str, key: str | None) -> None:
    """Other schemes and empty credentials have none."""
    assert key_from_headers(Headers({"Authorization": header})) == key


def test_missing_header_has_no_key() -> None:
    """Older SDKs send none."""
    assert key_from_headers(Headers({})) is None


@pytest.mark.parametrize(
    "header", ["Basic shop-key:", "Basic YQ", "Basic é", "Basic a b", basic(b"\xff\xff:")]
)
def test_invalid_basic_gets_400(header: str) -> None:
    """The gateway does not look for another key."""
    with pytest.raises(RequestError, match="is not Basic with base64 in it") as refused:
        key_from_headers(Headers({"Authorization": header}))

    assert refused.value.status == 400


def test_several_authorization_headers_get_400() -> None:
    """Even if they are equal."""
    header = (b"authorization", b"Bearer shop-key")

    with pytest.raises(RequestError, match="more than one") as refused:
        key_from_headers(Headers(raw=[header, header]))

    assert refused.value.status == 400


def test_unknown_source_may_send_the_largest_body_limit() -> None:
    """The largest limit of all sources applies until the key in the body is read."""
    sources = {
        "small": SourceSettings(write_key=SecretStr("s"), body_limit_bytes=2000),
        "large": SourceSettings(write_key=SecretStr("l"), body_limit_bytes=3000),
    }

    assert Sources(sources).body_limit_bytes == 3000
