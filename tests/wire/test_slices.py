"""How items are cut into slices that stay within limits."""

import pytest

from durable_analytics.wire.slices import cut_slices


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], []),
        (["aaaa"], [["aaaa"]]),
        (["aa", "bb", "cc"], [["aa", "bb"], ["cc"]]),
        (["aaaaa", "b"], [["aaaaa"], ["b"]]),
        (["a", "bbbbb", "c"], [["a"], ["bbbbb"], ["c"]]),
        (["", "", "", ""], [["", "", ""], [""]]),
    ],
)
def test_slices_keep_the_order_and_both_limits(items: list[str], expected: list[list[str]]) -> None:
    """A slice of exactly the limit is allowed; an item above it gets a slice of its own."""
    assert list(cut_slices(items, len, max_bytes=4, max_items=3)) == expected
