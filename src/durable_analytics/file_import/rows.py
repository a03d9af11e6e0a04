"""A row of a file, and the errors of files and rows."""

from dataclasses import dataclass
from typing import Any


class FileError(Exception):
    """A file cannot be imported, or not to its end: one line, with what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row."""

    line: int
    """The number of its first line, or in a Parquet file the number of the row, from 1."""

    values: dict[str, Any]
    """The values by column."""

    problem: str | None = None
    """Why it could not be read."""

    is_text: bool = False
    """Whether all values are text, as in CSV."""

    holds_json: bool = True
    """Whether the values are those of JSON; in Parquet there are others, like times."""
