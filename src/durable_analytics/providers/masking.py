"""Masking of credentials in responses, in all spellings in which a response can contain them."""

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from html.entities import html5
from typing import Any

MASK = "[credential]"

_SHORTEST = 4
"""Characters. A shorter credential is part of many words: it is masked only if it is a separate
word, with an asterisk for each character."""

_LEAST_UNUSUAL = 12
"""Characters of a credential that no word equals, so that it is also found in other case."""

_LONGEST_SPELLING = 24
"""Characters of the longest spelling of one character: `&amp;amp;#x00002b;`."""

_LONGEST_ESCAPE = 32
"""Characters of the longest match of `_ESCAPE`, `&amp;amp;amp;NonBreakingSpace;`."""

_MOST_ESCAPES = 3
"""How many levels of escapes are undone, like JSON in a URL in HTML."""

_ESCAPE = re.compile(
    r"""
      \\{1,7} (?:u00|U000000|u\{0{0,6}|x) (?P<unicode>[0-9a-fA-F]{2}) \}?
    | \\{1,7} (?P<octal>[0-3][0-7]{2})
    | (?P<backslashes> \\{1,8})
    | % (?:25){0,3} (?:u00)? (?P<percent>[0-9a-fA-F]{2})
    | & (?:amp;){0,3} (?: \#0{0,5}(?P<decimal>[0-9]{1,3}) ;?
                        | \#[xX]0{0,5}(?P<hex>[0-9a-fA-F]{2}) ;?
                        | (?P<name>[A-Za-z]{2,16}) ; )
    """,
    re.VERBOSE,
)
"""Escapes of JSON and most languages, of URLs and forms, and of HTML. Each is one character below
U+0100; a backslash before any other character is no character."""


class Masker:
    r"""Masks credentials in JSON values.

    Each is found unchanged and as Base64 of Basic authentication; escaped for JSON, URLs, forms or
    HTML, partly or completely, once or several times; and, if it has only digits, as a number.

    >>> Masker(["s3cret/key"]).text(r'{"echo": "s3cret\/key"}')
    '{"echo": "[credential]"}'

    Args:
        secrets: The credentials.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        plain = set(filter(None, secrets))
        spelled = {*plain, *(form for secret in plain for form in _forms(secret))}
        spelled |= {text.replace("+", " ") for text in spelled}  # as the decoder of a form reads it
        # A credential may contain what looks like an escape: it is undone like those of the text.
        needles = set(filter(None, spelled | {_undo(text)[0] for text in spelled}))
        self._needles = needles
        self._short = [
            re.compile(rf"(?<![^\W_]){re.escape(needle)}(?![^\W_])")
            for needle in needles
            if len(needle) < _SHORTEST
        ]
        self._long = [needle for needle in needles if len(needle) >= _SHORTEST]
        self._digits = [text for text in self._long if text in plain and text.isdecimal()]
        self.margin = max(map(len, needles), default=0) * _LONGEST_SPELLING
        """The most characters of a credential in any spelling."""

    def __call__(self, value: Any) -> Any:
        """Return the value with each credential masked, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self(item) for key, item in value.items()}
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return MASK if self._is_in_number(value) else value
        return value

    def _is_in_number(self, value: float) -> bool:
        """Whether a number contains a credential of digits, or was parsed from one.

        A number has no leading zeros, and in JavaScript only about 15 exact digits.
        """
        shown = repr(value)
        return any(digits in shown or _is_equal(digits, value) for digits in self._digits)

    def text(self, text: str, *, is_whole: bool = True) -> str:
        """Mask a text.

        Args:
            text: The text.
            is_whole: Whether the text is complete. If the end of an incomplete text may be the
                start of a credential, it is removed.
        """
        end = len(text) if is_whole else self._safe_end(text)
        parts, position = [], 0
        for start, stop in _merged(self._spans(text)):
            if start >= end:
                break
            length = stop - start
            parts += [text[position:start], MASK if length >= _SHORTEST else "*" * length]
            position = stop
        return "".join([*parts, text[position:end]])

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the spans of credentials in a text, also of those that its escapes hide."""
        yield from ((start, stop) for start, stop in self._found(text))
        positions: Sequence[int] = range(len(text) + 1)
        for _ in range(_MOST_ESCAPES):
            text, offsets = _undo(text)
            if offsets is None:
                return
            positions = [positions[offset] for offset in offsets]
            for start, stop in self._found(text):
                yield positions[start], positions[stop]

    def _safe_end(self, text: str) -> int:
        """Return where the end of an incomplete text begins that may be a part of a credential."""
        first = max(len(text) - 2 * self.margin, 0)
        positions: Sequence[int] = range(first, len(text) + 1)
        end, text = len(text), text[first:]
        for _ in range(_MOST_ESCAPES + 1):
            text = _without_open_escape(text)
            begun = max((_begun(needle, text) for needle in self._needles), default=0)
            end = min(end, positions[len(text) - begun])
            text, offsets = _undo(text)
            if offsets is None:
                break
            positions = [positions[offset] for offset in offsets]
        return end

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        for needle in self._long:
            start = text.find(needle)
            while start >= 0:
                yield start, start + len(needle)
                start = text.find(needle, start + len(needle))
        for pattern in self._short:
            yield from (match.span() for match in pattern.finditer(text))


def _is_equal(digits: str, value: float) -> bool:
    try:
        return float(digits) == abs(float(value))
    except OverflowError:  # an integer beyond 10³⁰⁸
        return False


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _without_open_escape(text: str) -> str:
    """Return a text without a character or an escape at its end that may be incomplete."""
    text = text.rstrip("\N{REPLACEMENT CHARACTER}")
    opening = re.compile(r"[\\%&]").search(text, max(len(text) - _LONGEST_ESCAPE, 0))
    return text[: opening.start()].rstrip("\\") if opening else text


def _begun(needle: str, text: str) -> int:
    """Return how many characters of a credential a text ends with, if the others are missing."""
    lengths = range(min(len(needle) - 1, len(text)), 0, -1)
    return next((length for length in lengths if text.endswith(needle[:length])), 0)


def _forms(secret: str) -> Iterator[str]:
    """Yield a credential as Basic authentication, forms, hex dumps and Latin-1 show it."""
    for text in (f"{secret}:", f":{secret}", secret):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(text.encode()).decode()
            yield from (encoded, encoded.rstrip("="))
    yield from (secret.encode().hex(), secret.encode().hex().upper())
    for text in (secret, secret.replace(" ", "+")):
        yield from (text, text.encode().decode("latin-1"))
    if len(secret) >= _LEAST_UNUSUAL:
        yield from (secret.upper(), secret.lower())


def _undo(text: str) -> tuple[str, list[int] | None]:
    """Undo the escapes of a text.

    Returns:
        The text, and the old position of each of its characters and of its end; None instead of the
        positions if there was no escape.
    """
    parts: list[str] = []
    offsets: list[int] = []
    position = 0
    for match in _ESCAPE.finditer(text):
        character = _character(match)
        if character is None:
            continue
        start, stop = match.span()
        parts += [text[position:start], character]
        offsets += [*range(position, start), *([start] if character else [])]
        position = stop
    if not parts:
        return text, None
    parts.append(text[position:])
    offsets += range(position, len(text) + 1)
    return "".join(parts), offsets


def _character(match: re.Match[str]) -> str | None:
    kind, digits = match.lastgroup, match.group(match.lastgroup or 0)
    if kind == "backslashes":
        return ""
    if kind == "name":
        entity = html5.get(f"{digits};")
        return entity if entity and len(entity) == 1 else None
    return chr(int(digits, {"decimal": 10, "octal": 8}.get(str(kind), 16)))
