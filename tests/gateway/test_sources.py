"""Whose request it is, wherever the key stands, without a hint for who guesses."""

import base64
import hmac
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from gateway.refusals import Refusal
from gateway.settings import Source
from gateway.sources import Senders, key_in

KEYS = {"shop": "shop-key", "app": "app-key", "web": "web-key"}


@pytest.fixture
def senders() -> Senders:
    """Three sources."""
    return Senders({name: Source(write_key=SecretStr(key)) for name, key in KEYS.items()})


def basic(text: str | bytes) -> str:
    """A header of Basic."""
    raw = text.encode() if isinstance(text, str) else text
    return f"Basic {base64.b64encode(raw).decode()}"


@pytest.mark.parametrize(("name", "key"), KEYS.items())
def test_a_known_key(senders: Senders, name: str, key: str) -> None:
    """It is its source's."""
    assert senders.find(key).name == name


@pytest.mark.parametrize(
    "key",
    [None, "", " ", "shop", "shop-key ", "Shop-Key", "shop-keyy", "\ud800", 1, True, {}, ["x"]],
)
def test_an_unknown_key(senders: Senders, key: Any) -> None:
    """401, of whatever type it is; browsers do not ask their users for a password."""
    with pytest.raises(Refusal) as refused:
        senders.find(key)

    assert refused.value.status == 401
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}
    assert str(key) not in KEYS.values()


def test_every_key_is_compared(senders: Senders, monkeypatch: pytest.MonkeyPatch) -> None:
    """In constant time, the first as the last: how long it takes tells nothing."""
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def remember(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", remember)
    for key in ("shop-key", "app-key"):
        compared.clear()
        senders.find(key)
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
def test_a_key_in_the_headers(header: str, key: str | None) -> None:
    """The user name of Basic, or Bearer; where there is none, the body may have it."""
    assert key_in(Headers({"Authorization": header})) == key


def test_no_header() -> None:
    """Older SDKs send none."""
    assert key_in(Headers({})) is None


@pytest.mark.parametrize(
    "header", ["Basic shop-key:", "Basic YQ", "Basic é", "Basic a b", basic(b"\xff\xff:")]
)
def test_basic_that_cannot_be_read(header: str) -> None:
    """400: another key in the body would be another matter."""
    with pytest.raises(Refusal, match="is not Basic with base64 in it") as refused:
        key_in(Headers({"Authorization": header}))

    assert refused.value.status == 400


def test_several_headers() -> None:
    """400: nobody can tell which is meant, even of two that are the same."""
    header = (b"authorization", b"Bearer shop-key")

    with pytest.raises(Refusal, match="more than one") as refused:
        key_in(Headers(raw=[header, header]))

    assert refused.value.status == 400


def test_the_largest_body_of_all() -> None:
    """As long as nobody knows whose it is, a body may be as large as anybody's."""
    sources = {
        "small": Source(write_key=SecretStr("s"), body_limit_bytes=2000),
        "large": Source(write_key=SecretStr("l"), body_limit_bytes=3000),
    }

    assert Senders(sources).body_limit_bytes == 3000
