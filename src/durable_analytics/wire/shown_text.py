"""A caller's text as errors and lists show it."""

from durable_analytics.errors import shorten


def printable(text: str) -> str:
    r"""Escape control characters, which a terminal would obey.

    >>> printable("a\x1bb")
    'a\\x1bb'
    """
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def shown(text: str) -> str:
    """Return a text cut if it is long, with its control characters escaped."""
    return printable(shorten(text))
