"""UUIDs for message ids, for providers that require UUIDs."""

from uuid import UUID, uuid5

_NAMESPACE = UUID("6f1c2f5e-3a0b-5d0e-9a55-4d0f3f1d8a07")
"""The UUIDv5 namespace. With another namespace, providers would not recognise repeated messages."""


def message_uuid(message_id: str) -> str:
    """Return the message id if it is a UUID, otherwise a UUIDv5 that is computed from it.

    >>> message_uuid("0B2B6A0E-93F5-5A6C-B0F7-1D8D5B3A2C11")
    '0b2b6a0e-93f5-5a6c-b0f7-1d8d5b3a2c11'
    """
    try:
        uuid = str(UUID(message_id))
    except ValueError:
        uuid = ""
    return uuid if uuid == message_id.lower() else str(uuid5(_NAMESPACE, message_id))
