"""The tables of docs/performance.md are written between two comments that mark their place."""

from benchmarks.markdown import replace_table


def test_a_table_replaces_the_text_between_its_two_comments() -> None:
    """Before the first table is written, nothing is between them. Other text is not changed."""
    text = (
        "a\n<!-- table: x -->\n<!-- end of table -->\nb\n<!-- table: y -->\n<!-- end of table -->"
    )

    once = replace_table(text, "x", "| 1 |")

    assert once.startswith("a\n<!-- table: x -->\n| 1 |\n<!-- end of table -->\nb\n")
    assert once.endswith("\n<!-- table: y -->\n<!-- end of table -->")
    assert replace_table(once, "x", "| 1 |") == once
