"""From rows to the messages of batches, checked, with ids that follow from the file."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from durable_analytics.client.inputs import checked_message
from durable_analytics.errors import ValidationError
from durable_analytics.file_import.columns import Columns
from durable_analytics.file_import.rows import Row
from durable_analytics.wire.fast_check import context_passes_fast_check, passes_fast_check
from durable_analytics.wire.field_types import is_message_id
from durable_analytics.wire.json_reader import is_too_deep
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.slices import cut_slices
from durable_analytics.wire.timestamps import checked_timestamp

MOST_MESSAGES = 1_000
"""Messages in one execution. It is part of the identity of a batch: another number would send what
an earlier import has sent."""

MOST_BYTES = 1024 * 1024
"""The messages of one execution as JSON."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is not delivered."""

    line: int
    type: str
    """A failure type."""

    message: str

    def as_json(self) -> JsonObject:
        """Return it as reports show it."""
        return {"line": self.line, "type": self.type, "message": self.message}


@dataclass(frozen=True, slots=True)
class ImportedMessage:
    """A message as JSON, and where it was in the file."""

    line: int
    content: bytes


class MessageBuilder:
    """Builds and checks messages.

    Args:
        columns: Where the columns belong.
        file_id: The identity of the file.
        strict: The `strict` of the inputs.
    """

    def __init__(self, columns: Columns, file_id: UUID, *, strict: bool) -> None:
        self._columns = columns
        self._file_id = file_id
        self._no_id = str(file_id)
        self._strict = strict

    def build(self, row: Row) -> ImportedMessage | RefusedRow:
        """Return the message of a row; a row that breaks the contract is refused."""
        if row.problem:
            return RefusedRow(row.line, ValidationError.wire_name(), row.problem)
        try:
            content = self._content(row)
        except ValidationError as error:
            return RefusedRow(row.line, error.wire_name(), str(error))
        if len(content) > MOST_BYTES:
            reason = f"has {len(content)} bytes as JSON; the limit is {MOST_BYTES}"
            return RefusedRow(row.line, ValidationError.wire_name(), reason)
        return ImportedMessage(row.line, content)

    def _content(self, row: Row) -> bytes:
        method, fields = self._columns.message(row)
        message = fields
        if not (row.holds_json and self._passes_fast_check(method.key, fields)):
            message = checked_message(method, fields, self._no_id, strict=self._strict)
            if message["message_id"] == self._no_id:
                del message["message_id"]
        try:
            content = write_json({"type": method.key, **message}, method.key)
        except ValidationError:  # NaN or an infinity: the full check names it as for other inputs
            checked_message(method, fields, self._no_id, strict=self._strict)
            raise
        if "message_id" in message:
            return content
        return b'{"message_id":"%b",%b' % (self._id(row.line, content), content[1:])

    def _id(self, line: int, content: bytes) -> bytes:
        """Return the id of a message: another one if its columns are mapped in another way."""
        unique = f"{line}:{hashlib.sha256(content).hexdigest()}"
        return str(uuid5(self._file_id, unique)).encode()

    def _passes_fast_check(self, key: str, fields: JsonObject) -> bool:
        """Whether a message is certainly valid, and has the form that the full check would make."""
        own = dict(fields)
        timestamp, message_id, context = (own.pop(name, None) for name in _ENVELOPE_KEYS)
        return (
            (timestamp is None or _is_timestamp(timestamp))
            and (message_id is None or is_message_id(message_id))
            and (context is None or (self._strict and _is_plain_context(context)))
            and not is_too_deep(fields)
            and passes_fast_check(key, own, is_lenient=not self._strict)
        )


_ENVELOPE_KEYS = ("timestamp", "message_id", "context")


def _is_timestamp(value: Any) -> bool:
    try:
        return type(value) is str and bool(checked_timestamp(value))
    except ValueError:
        return False


def _is_plain_context(value: Any) -> bool:
    return type(value) is dict and context_passes_fast_check(value)


def cut_batches(messages: Iterable[ImportedMessage]) -> Iterator[list[ImportedMessage]]:
    """Cut the messages into batches, always at the same places."""
    return cut_slices(
        messages,
        lambda message: len(message.content) + 1,
        max_bytes=MOST_BYTES,
        max_items=MOST_MESSAGES,
    )
