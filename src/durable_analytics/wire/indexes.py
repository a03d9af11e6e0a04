"""Encoding of sets of indexes as short text, for heartbeats and failures, which must be small."""

import base64
from collections.abc import Iterable


def encode_indexes(indexes: Iterable[int]) -> str:
    """Encode a set of small numbers as base64, with one bit for each number.

    >>> encode_indexes({0, 1, 9})
    'AwI='
    """
    bits = sum(1 << index for index in indexes)
    return base64.b64encode(bits.to_bytes((bits.bit_length() + 7) // 8, "little")).decode()


def decode_indexes(text: str) -> list[int]:
    """Read what `encode_indexes` wrote.

    Raises:
        ValueError: The text is not base64.
    """
    bits = int.from_bytes(base64.b64decode(text), "little")
    return [index for index in range(bits.bit_length()) if bits >> index & 1]


def ranges(indexes: Iterable[int]) -> list[tuple[int, int]]:
    """Return indexes, in order, as ranges: first index, and last index + 1.

    >>> ranges([0, 1, 5])
    [(0, 2), (5, 6)]
    """
    found: list[tuple[int, int]] = []
    for index in indexes:
        first = found.pop()[0] if found and found[-1][1] == index else index
        found.append((first, index + 1))
    return found
