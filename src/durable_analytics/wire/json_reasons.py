"""Why a value cannot be represented in JSON, in the words of errors.

Any field can have such a value, so the advice must fit required fields, and numbers and texts.
"""

MOST_DIGITS = 4300
"""Digits of the longest whole number, in Python and in the fast parser."""

NOT_FINITE = "is not a finite number (JSON has no NaN and no infinity): send another value"
TOO_MANY_DIGITS = f"is a number with more than {MOST_DIGITS} digits: send another value"

_HALF_A_PAIR = "remove the half of a surrogate pair, or replace it with U+FFFD"
NOT_UNICODE = f"is not valid Unicode text: {_HALF_A_PAIR}"
KEY_NOT_UNICODE = f"has a key that is not valid Unicode text: {_HALF_A_PAIR}"
KEY_NOT_TEXT = "has a key that is not text: write the key as text"


def wrong_type(value: object) -> str:
    """Return the reason for a value of a type that JSON does not have."""
    kind = type(value).__name__
    return (
        f"has the type {kind}, which is not JSON: convert it to text, a number, a list or an object"
    )
