"""Files of rows: their format, their decompression, and their identity."""

import csv
import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from pydantic_core import from_json

from durable_analytics.file_import.rows import FileError, Row
from durable_analytics.wire.limits import INPUT_LIMIT_BYTES

_FORMAT_BY_SUFFIX: Mapping[str, str] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
FORMATS = tuple(dict.fromkeys(_FORMAT_BY_SUFFIX.values()))
"""The known formats."""

_COMPRESSED = (".gz", ".zst")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

_PIECE_BYTES = 1024 * 1024
_ZSTD_WINDOW_BYTES = 128 * 1024 * 1024
"""The largest window of a zstd file; the memory that it takes to read it."""


class Source:
    """A file of rows.

    Args:
        path: The file; gzip and zstd are recognised by their first bytes.
        format: One of `FORMATS`; None for that of the file's name.

    Raises:
        FileError: The file cannot be read, or its format is not known.
    """

    def __init__(self, path: Path, format: str | None = None) -> None:  # noqa: A002  # its name
        self.path = path
        self.format = format or _format_of(path)
        try:
            if not path.is_file():
                raise FileError(f"{path} is not a file: store the rows in one")
            self.size = path.stat().st_size
            self._file = path.open("rb")
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror}") from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def position(self) -> int:
        """How many bytes of the file have been read."""
        return self._file.tell()

    def digest(self) -> str:
        """Return the SHA-256 of the file, which is read once for it."""
        self._file.seek(0)
        digest = hashlib.file_digest(self._file, hashlib.sha256).hexdigest()
        self._file.seek(0)
        return digest

    def rows(self) -> Iterator[Row]:
        """Yield the rows in their order; one that cannot be read has a problem.

        Raises:
            FileError: The rest of the file cannot be read.
        """
        line = 0
        try:
            for row in self._rows():
                line = row.line
                yield row
        except FileError:
            raise
        except Exception as error:
            if not isinstance(error, (OSError, EOFError, zlib.error, *_zstd_errors())):
                raise
            reason = str(error) or type(error).__name__
            raise FileError(f"{self.path} cannot be read after row {line}: {reason}") from None

    def _rows(self) -> Iterator[Row]:
        if self.format == "parquet":
            from durable_analytics.file_import.parquet import parquet_rows  # noqa: PLC0415  # extra

            return parquet_rows(self._file, self.path)
        content = self._decompressed()
        if self.format == "ndjson":
            return _json_rows(content)
        return _csv_rows(content, "\t" if self.format == "tsv" else ",")

    def _decompressed(self) -> IO[bytes]:
        first = self._file.read(4)
        self._file.seek(0)
        if first.startswith(_GZIP):
            return io.BufferedReader(gzip.GzipFile(fileobj=self._file), _PIECE_BYTES)
        if first == _ZSTD:
            import zstandard  # noqa: PLC0415  # the extra `codecs`

            reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).stream_reader(
                self._file, read_across_frames=True, closefd=False
            )
            return io.BufferedReader(reader, _PIECE_BYTES)
        return self._file


def _zstd_errors() -> tuple[type[Exception], ...]:
    zstandard: Any = sys.modules.get("zstandard")
    return (zstandard.ZstdError,) if zstandard else ()


def _format_of(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    known = _FORMAT_BY_SUFFIX.get(suffixes[-1]) if suffixes else None
    if known is None:
        names = ", ".join(FORMATS)
        raise FileError(f"the name of {path} has no known format: add --format, one of {names}")
    return known


def _json_rows(content: IO[bytes]) -> Iterator[Row]:
    number = 0
    while line := content.readline(INPUT_LIMIT_BYTES + 1):
        number += 1
        if len(line) > INPUT_LIMIT_BYTES:
            while line and not line.endswith(b"\n"):
                line = content.readline(INPUT_LIMIT_BYTES)
            yield Row(number, {}, f"has more than {INPUT_LIMIT_BYTES} bytes")
        elif number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield _json_row(number, line)
        elif line.strip():
            yield _json_row(number, line)


def _json_row(number: int, line: bytes) -> Row:
    try:
        values = from_json(line, allow_inf_nan=False)
    except ValueError:
        return Row(number, {}, "is not JSON")
    if not isinstance(values, dict):
        return Row(number, {}, 'must be an object, like {"type": "track", …}')
    return Row(number, values)


class _Lines:
    """Lines of text of a limited length, counted: `csv` asks for one after the other."""

    def __init__(self, content: IO[bytes]) -> None:
        # A byte that is not UTF-8 becomes a lone surrogate, which the check of the row refuses.
        self._text = io.TextIOWrapper(
            content, encoding="utf-8-sig", errors="surrogateescape", newline=""
        )
        self.count = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(INPUT_LIMIT_BYTES)
        if not line:
            raise StopIteration
        if line.endswith(("\n", "\r")) or len(line) < INPUT_LIMIT_BYTES:
            self.count += 1
        return line

    def detach(self) -> None:
        """Leave the file open."""
        self._text.detach()


def _csv_rows(content: IO[bytes], delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(INPUT_LIMIT_BYTES)
    lines = _Lines(content)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    read: Callable[[], list[str]] = reader.__next__
    try:
        columns = _columns(read)
        while True:
            first = lines.count + 1
            try:
                cells = read()
            except StopIteration:
                return
            except csv.Error as error:
                place = f" in lines {first} to {lines.count}" if lines.count > first else ""
                yield Row(first, {}, f"is not CSV{place}: {error}")
                continue
            if not cells:
                continue
            if len(cells) != len(columns):
                yield Row(first, {}, f"has {len(cells)} cells; the header has {len(columns)}")
                continue
            values = {name: cell for name, cell in zip(columns, cells, strict=True) if cell != ""}
            yield Row(first, values, is_text=True)
    finally:
        lines.detach()


def _columns(read: Callable[[], list[str]]) -> list[str]:
    try:
        columns = [name.strip() for name in read()]
    except StopIteration:
        raise FileError("the file is empty: its first line must name the columns") from None
    except csv.Error as error:
        raise FileError(f"the header is not CSV: {error}") from None
    if "" in columns or len(set(columns)) < len(columns):
        raise FileError("the header must name each column once, and no column twice")
    return columns
