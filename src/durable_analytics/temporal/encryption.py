"""The payload codec that encrypts what Temporal stores, with AES-256-GCM. Needs `[encryption]`.

The form is that of Temporal's samples: the metadata `encoding` is `binary/encrypted`, and
`encryption-key-id` names the key; the data is a nonce of 12 bytes and the encrypted payload.
"""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from durable_analytics.errors import UnreadablePayload
from durable_analytics.temporal.encryption_keys import EncryptionKey, is_key_id
from durable_analytics.temporal.recent_payloads import RecentPayloads

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ENCODING = b"binary/encrypted"
KEY_ID = "encryption-key-id"

_NONCE_BYTES = 12
_TAG_BYTES = 16
_MOST_RECENT = 4


class EncryptionCodec(PayloadCodec):
    """Encrypts payloads with the first key, and decrypts them with any.

    Without keys it encrypts nothing, and reports encrypted payloads. Payloads that are not
    encrypted are read, so that encryption can be switched on while messages are in flight.

    Args:
        keys: The keys.
        leaves_unreadable: Whether a payload that cannot be decrypted is left as it is, for a reader
            that reports it.
    """

    def __init__(
        self, keys: Sequence[EncryptionKey] = (), *, leaves_unreadable: bool = False
    ) -> None:
        self._keys = {key.id: key for key in keys}
        self._leaves_unreadable = leaves_unreadable
        self._writing = keys[0].id if keys else None
        self._recent = RecentPayloads(_MOST_RECENT if keys else 0)

    def leaving_unreadable(self) -> "EncryptionCodec":
        """Return a codec with the same keys that leaves payloads that it cannot decrypt."""
        return EncryptionCodec([*self._keys.values()], leaves_unreadable=True)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        if self._writing is None:
            return list(payloads)
        return [self._encrypted(payload, self._writing) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class.

        Raises:
            UnreadablePayload: A payload is encrypted with a key that is not there, or with another
                key of the same id. Temporal tries again: the message waits for the key.
        """
        return [
            self._readable(payload) if payload.metadata.get("encoding") == ENCODING else payload
            for payload in payloads
        ]

    @cached_property
    def _ciphers(self) -> "Mapping[str, AESGCM]":
        from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415  # an extra
            AESGCM,
        )

        return {key.id: AESGCM(key.secret) for key in self._keys.values()}

    def _encrypted(self, payload: Payload, key_id: str) -> Payload:
        plain = payload.SerializeToString()
        if found := self._recent.find(plain):
            return found
        nonce = os.urandom(_NONCE_BYTES)
        data = nonce + self._ciphers[key_id].encrypt(nonce, plain, None)
        return Payload(metadata={"encoding": ENCODING, KEY_ID: key_id.encode()}, data=data)

    def _readable(self, payload: Payload) -> Payload:
        try:
            return self._decrypted(payload)
        except UnreadablePayload:
            if self._leaves_unreadable:
                return payload
            raise

    def _decrypted(self, payload: Payload) -> Payload:
        if not waits_for_key(payload):
            return payload  # Who reads it reports that it is no JSON.
        key_id = _key_id(payload)
        if key_id not in self._keys:
            known = f"it has {', '.join(self._keys)}" if self._keys else "it has none"
            raise UnreadablePayload(
                f"a payload is encrypted with the key {named_key(payload)}, which this process "
                f"does not have ({known}): add it to encryption_keys"
            )
        plain = self._plain(payload.data, key_id)
        try:
            decoded = Payload.FromString(plain)
        except DecodeError:
            return payload
        if key_id == self._writing:
            self._recent.add(plain, payload)
        return decoded

    def _plain(self, data: bytes, key_id: str) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # an extra

        nonce, encrypted = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
        try:
            return self._ciphers[key_id].decrypt(nonce, encrypted, None)
        except InvalidTag:
            raise UnreadablePayload(
                f"a payload does not decrypt with the key {key_id} of encryption_keys: "
                "it was encrypted with another key of the same id, or was changed"
            ) from None


def waits_for_key(payload: Payload) -> bool:
    """Whether a payload is encrypted, and a key that can be configured may decrypt it.

    No key helps where the payload names none, or is too short.
    """
    is_encrypted = payload.metadata.get("encoding") == ENCODING
    is_whole = len(payload.data) >= _NONCE_BYTES + _TAG_BYTES
    return is_encrypted and is_whole and is_key_id(_key_id(payload))


def named_key(payload: Payload) -> str:
    """Return the id of the key that an encrypted payload names, in printable text."""
    return repr(_key_id(payload))[1:-1][:64]


def _key_id(payload: Payload) -> str:
    return payload.metadata.get(KEY_ID, b"").decode(errors="replace")
