"""The keys with which payloads are encrypted: their text form, and new ones. Needs no extra."""

import base64
import binascii
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec

KEY_BYTES = 32
"""The size of a key of AES-256."""

_FORM = 'must be an id, a colon and 32 bytes in base64, like "k1:…"'
_HINT = "`durable-analytics keys new` prints a key"
_ID_FORM = "1 to 64 letters, digits, or the characters _ . -"
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def is_key_id(text: str) -> bool:
    """Whether a text can be the id of a key."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key, and the id that each payload names it with.

    >>> EncryptionKey("k1", bytes(32))
    EncryptionKey(id='k1')
    """

    id: str
    """1 to 64 letters, digits, or `_.-`; Temporal stores it readable beside each payload."""

    secret: bytes = field(repr=False)
    """32 bytes."""

    @classmethod
    def read(cls, text: str) -> "EncryptionKey":
        """Read a key from its text form, `id:base64`.

        Raises:
            ValueError: It has another form; the message does not contain the key.
        """
        name, colon, encoded = text.strip().partition(":")
        if not colon:
            raise ValueError(f"{_FORM}; {_HINT}")
        if not is_key_id(name):
            raise ValueError(f"{_FORM}, and the id {_ID_FORM}; {_HINT}")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"{_FORM}: the key {name} is not base64; {_HINT}") from None
        if len(secret) != KEY_BYTES:
            raise ValueError(f"{_FORM}: the key {name} has {len(secret)} bytes; {_HINT}")
        return cls(name, secret)

    def __str__(self) -> str:
        return f"{self.id}:…"


def read_keys(texts: Iterable[str]) -> tuple[EncryptionKey, ...]:
    """Read keys from their text form, `id:base64`. The first one writes; all of them read.

    Raises:
        ValueError: One has another form, two have the same id, or the package that encrypts is not
            installed. The message contains no key.
    """
    keys = tuple(EncryptionKey.read(text) for text in texts)
    ids = [key.id for key in keys]
    if twice := next((name for name in ids if ids.count(name) > 1), None):
        raise ValueError(f"must have different ids: {twice} is there twice")
    if keys and find_spec("cryptography") is None:
        raise ValueError(
            "needs the package cryptography, which is missing: "
            "install durable-analytics[encryption]"
        )
    return keys


def new_key(name: str | None = None) -> str:
    """Make a random key, and return its text form.

    Args:
        name: Its id. Default: `k`, today's date, and four random characters.

    Raises:
        ValueError: The id has a character that is not allowed.
    """
    if name is None:
        name = f"k{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(2)}"
    if not is_key_id(name):
        raise ValueError(f"must be {_ID_FORM}")
    return f"{name}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
