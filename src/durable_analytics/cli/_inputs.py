"""Inputs of deliveries from files and from standard input."""

import sys
from codecs import BOM_UTF8
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from durable_analytics.errors import ValidationError
from durable_analytics.wire.decoding import decode_json
from durable_analytics.wire.limits import BATCH_LIMIT_BYTES
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, METHODS, Method

FileArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="An input as JSON; - is standard input."),
]


@dataclass(frozen=True, slots=True)
class Input:
    """An input, and the method that its message has."""

    method: Method
    data: JsonObject


def read_file(path: Path | None) -> Input:
    """Read an input.

    Args:
        path: The file; None or "-" is standard input.

    Raises:
        typer.BadParameter: It cannot be read, or is no input.
    """
    name = str(path or "standard input")
    try:
        if path is None or str(path) == "-":
            content = sys.stdin.buffer.read(BATCH_LIMIT_BYTES + 1)
        else:
            with path.open("rb") as file:
                content = file.read(BATCH_LIMIT_BYTES + 1)
    except OSError as error:
        raise typer.BadParameter(f"{name} cannot be read: {error.strerror}") from None
    if len(content) > BATCH_LIMIT_BYTES:
        raise typer.BadParameter(f"{name} has more than {BATCH_LIMIT_BYTES} bytes")
    return to_input(read_json(content, name))


def read_json(content: bytes, name: str) -> Any:
    """Parse JSON.

    Args:
        content: The JSON, which may begin with a byte order mark.
        name: What it is called in errors.

    Raises:
        typer.BadParameter: It is not JSON.
    """
    try:
        return decode_json(content.removeprefix(BOM_UTF8), name)
    except ValidationError as error:
        prefix = f"{name}: " if error.fields[0].path else ""
        raise typer.BadParameter(f"{prefix}{error}") from None


def to_input(data: Any) -> Input:
    """Return an input with its method, which the key of its message names.

    Raises:
        typer.BadParameter: It is no object with one message, or with messages.
    """
    methods = [*METHODS.values(), BATCH]
    keys = {("messages" if method is BATCH else method.key): method for method in methods}
    found = [key for key in keys if isinstance(data, dict) and key in data]
    if len(found) != 1:
        raise typer.BadParameter(
            'the input must be an object with one message, like {"track": {…}}, '
            f"or with messages; the keys of a message are {', '.join(METHODS)}"
        )
    return Input(keys[found[0]], data)
