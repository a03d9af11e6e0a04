"""Division of a sequence of messages into slices that stay within limits."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")


def cut_slices(
    items: Iterable[_Item], size: Callable[[_Item], int], *, max_bytes: int, max_items: int
) -> Iterator[list[_Item]]:
    """Cut items into slices, in order; each slice has as many items as fit, at least one.

    >>> list(cut_slices(["aa", "b", "cccc"], len, max_bytes=3, max_items=10))
    [['aa', 'b'], ['cccc']]

    Args:
        items: The items.
        size: Returns the bytes of an item in a slice, with its separator.
        max_bytes: The size limit of a slice; a larger item gets a slice of its own.
        max_items: The most items in a slice.
    """
    part: list[_Item] = []
    part_bytes = 0
    for item in items:
        item_bytes = size(item)
        if part and (part_bytes + item_bytes > max_bytes or len(part) >= max_items):
            yield part
            part, part_bytes = [], 0
        part.append(item)
        part_bytes += item_bytes
    if part:
        yield part
