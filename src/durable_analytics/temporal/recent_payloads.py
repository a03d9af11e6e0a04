"""Large payloads that were decoded recently, so that they are not encoded again."""

from collections import deque

from temporalio.api.common.v1 import Payload

_LEAST_BYTES = 64 * 1024
"""The size of the smallest payload that is remembered: few are this large."""


class RecentPayloads:
    """The last large payloads that were decoded, and their encoded form.

    A workflow passes its input on to two activities, unchanged: so the input of a batch is not
    compressed and encrypted again. Payloads are compared byte by byte.

    Args:
        most: How many payloads are remembered.
    """

    def __init__(self, most: int) -> None:
        self._payloads: deque[tuple[bytes, Payload]] = deque(maxlen=most)

    def add(self, plain: bytes, encoded: Payload) -> None:
        """Remember a payload.

        Args:
            plain: The decoded payload, as protobuf writes it.
            encoded: Its encoded form.
        """
        if len(plain) >= _LEAST_BYTES and self.find(plain) is None:
            self._payloads.append((plain, encoded))

    def find(self, plain: bytes) -> Payload | None:
        """Return the encoded form of a payload, or None."""
        return next((found for known, found in self._payloads if known == plain), None)
