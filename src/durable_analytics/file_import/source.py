"""Files of rows: their format, their decompression, and their identity."""

import csv
import gzip
import hashlib
import io
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from durable_analytics.errors import ValidationError
from durable_analytics.file_import.rows import FileError, Row
from durable_analytics.wire.decoding import decode_json
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

_DELIMITERS: Mapping[str, str] = {"csv": ",", "tsv": "\t"}
_DELIMITER_NAMES: Mapping[str, str] = {"csv": "comma", "tsv": "tab"}
_OTHER_DELIMITERS = ",;|\t"

_NOT_DECODED = re.compile("[\udc80-\udcff]")
"""What `surrogateescape` makes of a byte that is not UTF-8."""

_NOT_UTF_8 = "is not UTF-8: save the file in this encoding"

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
        try:
            if not path.is_file():
                raise FileError(f"{path} is not a file: store the rows in one")
            self.format = format or _format_of(path)
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

    def columns(self) -> list[str] | None:
        """Return the columns that a CSV or TSV file names in its first line, or a Parquet file.

        Returns:
            None for NDJSON, whose rows have columns of their own, and for columns that cannot be
            read: `rows` says why.
        """
        try:
            if self.format == "parquet":
                from durable_analytics.file_import.parquet import parquet_columns  # noqa: PLC0415

                return parquet_columns(self._file)
            if self.format not in _DELIMITERS:
                return None
            lines = _Lines(self._decompressed())
            try:
                return _columns(lines, self.format)
            finally:
                lines.detach()
        except FileError:
            return None
        except _read_errors():
            return None
        finally:
            self._file.seek(0)

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
        except _read_errors() as error:
            place = "row" if self.format == "parquet" else "line"
            reason = str(error) or type(error).__name__
            raise FileError(f"{self.path} cannot be read after {place} {line}: {reason}") from None

    def _rows(self) -> Iterator[Row]:
        if self.format == "parquet":
            from durable_analytics.file_import.parquet import parquet_rows  # noqa: PLC0415  # extra

            return parquet_rows(self._file, self.path)
        content = self._decompressed()
        if self.format == "ndjson":
            return _json_rows(content)
        return _csv_rows(content, self.format)

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


def _read_errors() -> tuple[type[Exception], ...]:
    """Return what the decompression of a file may raise."""
    errors = (OSError, EOFError, zlib.error)
    zstandard: Any = sys.modules.get("zstandard")
    return (*errors, zstandard.ZstdError) if zstandard else errors


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
        values = decode_json(line.rstrip(b"\r\n"), "the line")
    except ValidationError as error:
        return Row(number, {}, _reason(error) if _is_utf_8(line) else _NOT_UTF_8)
    if not isinstance(values, dict):
        return Row(number, {}, 'must be an object, like {"type": "track", …}')
    return Row(number, values)


def _reason(error: ValidationError) -> str:
    """Return why a line was refused, and what a line must be if no part of it can be named."""
    return str(error) if error.fields[0].path else f"{error}; each line must be one object"


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Lines:
    """Lines of text of a limited length, counted: `csv` asks for one after the other."""

    def __init__(self, content: IO[bytes]) -> None:
        # A byte that is not UTF-8 becomes a lone surrogate, which `_is_text` finds.
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


def _csv_rows(content: IO[bytes], format_name: str) -> Iterator[Row]:
    lines = _Lines(content)
    try:
        columns = _columns(lines, format_name)
        read = _reader(lines, format_name)
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
            if not _is_text(cells):
                yield Row(first, {}, _NOT_UTF_8)
                continue
            if len(cells) != len(columns):
                yield Row(first, {}, f"has {len(cells)} cells; the header has {len(columns)}")
                continue
            values = {name: cell for name, cell in zip(columns, cells, strict=True) if cell != ""}
            yield Row(first, values, is_text=True)
    finally:
        lines.detach()


def _reader(lines: _Lines, format_name: str) -> Callable[[], list[str]]:
    csv.field_size_limit(INPUT_LIMIT_BYTES)
    return csv.reader(lines, delimiter=_DELIMITERS[format_name], strict=True).__next__


def _is_text(cells: list[str]) -> bool:
    """Whether the bytes of a row were UTF-8."""
    text = "".join(cells)
    return text.isascii() or not _NOT_DECODED.search(text)


def _columns(lines: _Lines, format_name: str) -> list[str]:
    try:
        columns = [name.strip() for name in _reader(lines, format_name)()]
    except StopIteration:
        raise FileError("the file is empty: its first line must name the columns") from None
    except csv.Error as error:
        raise FileError(f"the header is not CSV: {error}") from None
    if "" in columns or len(set(columns)) < len(columns):
        raise FileError("the header must name each column once, and no column twice")
    if not _is_text(columns):
        raise FileError(f"the header {_NOT_UTF_8}")
    if len(columns) == 1 and any(other in columns[0] for other in _OTHER_DELIMITERS):
        delimiter = _DELIMITER_NAMES[format_name]
        raise FileError(
            f"the header is one column with other delimiters in it: a {format_name.upper()} file "
            f"has a {delimiter} between two columns"
        )
    return columns
