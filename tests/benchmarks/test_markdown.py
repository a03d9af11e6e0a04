"""The tables of docs/performance.md are written between their marks."""

from benchmarks.markdown import replace_table


def test_a_table_replaces_the_one_between_its_marks() -> None:
    """The first time, nothing is between them; the text around them stays."""
    text = (
        "a\n<!-- table: x -->\n<!-- end of table -->\nb\n<!-- table: y -->\n<!-- end of table -->"
    )

    once = replace_table(text, "x", "| 1 |")

    assert once.startswith("a\n<!-- table: x -->\n| 1 |\n<!-- end of table -->\nb\n")
    assert once.endswith("\n<!-- table: y -->\n<!-- end of table -->")
    assert replace_table(once, "x", "| 1 |") == once
