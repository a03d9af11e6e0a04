"""Rows of Parquet files; needs the extra `parquet`."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from durable_analytics.file_import.rows import FileError, Row

_ROWS_AT_ONCE = 1_000


def parquet_rows(file: IO[bytes], path: Path) -> Iterator[Row]:
    """Yield the rows of a Parquet file, a thousand in memory at once.

    Nested columns become objects and lists; null is "not set", inside objects too.

    Raises:
        FileError: pyarrow is missing, or the file is not Parquet.
    """
    pa, pq = _pyarrow()
    number = 0
    try:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=_ROWS_AT_ONCE):
            for values in batch.to_pylist(maps_as_pydicts="lossy"):
                number += 1
                yield Row(number, _without_nulls(values), holds_json=False)
    except pa.ArrowException as error:
        raise FileError(f"{path} cannot be read after row {number}: {error}") from None


def parquet_columns(file: IO[bytes]) -> list[str] | None:
    """Return the names of the columns; None if the file is not Parquet: `parquet_rows` says why.

    Raises:
        FileError: pyarrow is missing.
    """
    pa, pq = _pyarrow()
    try:
        return list(pq.read_schema(file).names)
    except pa.ArrowException:
        return None


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise FileError(
            "Parquet needs the package pyarrow: install durable-analytics[cli,parquet]"
        ) from None
    return pa, pq


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
