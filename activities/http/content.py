"""Decoding of a response's body: content codings and charset, with size limits.

The request asks for `identity`, but a provider or a proxy may compress the body. `br` is not
decoded, because its decoder has no size limit; nor are more than three codings.
"""

import codecs
import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import zstandard

_MOST_CODINGS = 3

_MOST_MEMBERS = 16
"""The most members of a gzip body."""

_GZIP_MAGIC = b"\x1f\x8b"

_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
"""The largest window that RFC 9659 allows in HTTP; a frame may ask for gigabytes."""

_CHUNK_BYTES = 16 * 1024


class Decoded(NamedTuple):
    """A body without its content codings."""

    content: bytes
    is_whole: bool
    is_decoded: bool = True
    """False if a coding is not supported, or the body does not have the named coding."""


def decode_content(raw: bytes, codings: str, limit: int) -> Decoded:
    """Decode a body with the codings of a `Content-Encoding` header.

    Args:
        raw: The received body, which may be incomplete.
        codings: The value of the header; the last coding was applied last.
        limit: The most bytes that are decoded for each coding.
    """
    # RFC 9110 allows parameters only in `Accept-Encoding`, but some servers copy them from there.
    names = [name.partition(";")[0].strip().lower() for name in codings.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names or not raw:
        return Decoded(raw, is_whole=True)
    if len(names) > _MOST_CODINGS or any(name not in _DECODERS for name in names):
        return Decoded(b"", is_whole=False, is_decoded=False)
    is_whole = True
    for name in reversed(names):
        content = bytearray()
        try:
            for piece in _DECODERS[name](raw, limit):
                content += piece
                if len(content) > limit:
                    is_whole = False
                    break
        except (zlib.error, zstandard.ZstdError, EOFError):
            is_whole = False
            if not content:
                return Decoded(b"", is_whole=False, is_decoded=False)
        raw = bytes(content[:limit])
    return Decoded(raw, is_whole)


def _gzip(raw: bytes, limit: int) -> Iterator[bytes]:
    for _ in range(_MOST_MEMBERS):
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
        yield decoder.decompress(raw, limit + 1)
        if not decoder.eof:
            raise EOFError
        raw = decoder.unused_data.lstrip(b"\0")
        if not raw.startswith(_GZIP_MAGIC):  # like `gzip`, ignore what is no other member
            return
    raise EOFError


def _deflate(raw: bytes, limit: int) -> Iterator[bytes]:
    """Decode with zlib's header, as RFC 9110 requires, or without, as some servers send it."""
    try:
        decoder = zlib.decompressobj()
        content = decoder.decompress(raw, limit + 1)
    except zlib.error:
        decoder = zlib.decompressobj(-zlib.MAX_WBITS)
        content = decoder.decompress(raw, limit + 1)
    yield content
    if not decoder.eof:
        raise EOFError


def _zstd(raw: bytes, limit: int) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    with decoder.stream_reader(raw, read_across_frames=True) as reader:
        while piece := reader.read(min(_CHUNK_BYTES, limit + 1)):
            yield piece


_DECODERS: dict[str, Callable[[bytes, int], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}

_BYTE_ORDER_MARKS = (
    codecs.BOM_UTF8,
    codecs.BOM_UTF16_LE,
    codecs.BOM_UTF16_BE,
    codecs.BOM_UTF32_LE,
    codecs.BOM_UTF32_BE,
)

_WIDE_JSON = (b"{\0", b"[\0", b"\0{", b"\0[", b"\0\0\0{", b"\0\0\0[")
"""The beginnings of JSON in UTF-16 and UTF-32."""

_UTF8_JSON = re.compile(rb"[ \t\r\n]*[{\[](?!\0)")
"""The beginning of JSON in UTF-8, which is no JSON in UTF-16 and UTF-32."""

_WIDE_CHARSETS = ("utf-16", "utf-32")
_CHARSETS = ("utf-8", *_WIDE_CHARSETS, "iso8859-", "cp125", "ascii")
"""The beginnings of the names of supported codecs in Python."""


def decode_text(content: bytes, content_type: str) -> str:
    """Decode a body by how it begins, by its charset, or as UTF-8."""
    encoding = _charset(content_type) or "utf-8"
    if content.startswith((*_BYTE_ORDER_MARKS, *_WIDE_JSON)):
        encoding = json.detect_encoding(content)
    elif encoding.startswith(_WIDE_CHARSETS) and _UTF8_JSON.match(content):
        encoding = "utf-8"
    return content.decode(encoding, errors="replace").removeprefix("\N{BYTE ORDER MARK}")


def _charset(content_type: str) -> str | None:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            try:
                codec = codecs.lookup(value.strip(" \t\"'")).name
            except (LookupError, ValueError):
                return None
            return codec if codec.startswith(_CHARSETS) else None
    return None
